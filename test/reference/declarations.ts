import { fileURLToPath } from 'node:url';
import {
  type ClassDeclaration,
  type ExportedDeclarations,
  type InterfaceDeclaration,
  type JSDoc,
  Node,
  type ParameterDeclaration,
  Project,
  type PropertyDeclaration,
  type PropertySignature,
  SyntaxKind,
  type TypeLiteralNode,
  type TypeNode,
  type TypeParameterDeclaration,
  ts,
} from 'ts-morph';

/** A doc comment, taken apart. Texts are Markdown; links in them are still `{@link NAME}`. */
export interface Doc {
  readonly text: string;
  readonly params: readonly { readonly name: string; readonly text: string }[];
  readonly fallback: string | undefined;
  readonly throws: readonly string[];
  readonly returns: string | undefined;
  readonly examples: readonly string[];
}

/** A member of an interface, a class or an object type. */
export interface Member {
  readonly name: string;
  readonly isOptional: boolean;
  /** Its type, or its signature from the parameters on; undefined where `members` says it all. */
  readonly type: string | undefined;
  readonly doc: Doc;
  readonly members: readonly Member[];
}

/** One export of an entry point. */
export interface Declared {
  readonly name: string;
  readonly kind: 'function' | 'class' | 'type';
  /** The file that declares it, from the root. */
  readonly file: string;
  readonly doc: Doc;
  /** A line of code each; longer ones are broken. */
  readonly signatures: readonly string[];
  readonly members: readonly Member[];
  /** Names of the project's types that the signatures and members use. */
  readonly uses: readonly string[];
}

const root = fileURLToPath(new URL('.', `file://${process.cwd()}/`));

/**
 * Reads the exports of entry points, by name. Only the project's own files are read: what they import from packages
 * stays a name, so that this takes a second or two. TypeScript 7 has no stable API for this yet; ts-morph brings
 * TypeScript 6.
 */
export function declarationsOf(entries: readonly string[]): readonly (readonly Declared[])[] {
  const project = new Project({
    compilerOptions: { allowImportingTsExtensions: true, noEmit: true, noLib: true, types: [] },
    skipAddingFilesFromTsConfig: true,
    resolutionHost: () => ({
      resolveModuleNames: (names, from) =>
        names.map((name) =>
          name.startsWith('.') ? { resolvedFileName: fileURLToPath(new URL(name, `file://${from}`)) } : undefined,
        ),
    }),
  });
  return entries.map((entry) =>
    [...project.addSourceFileAtPath(entry).getExportedDeclarations()].flatMap(([name, declarations]) => {
      const [first] = declarations;
      return first === undefined ? [] : [declared(name, first, declarations)];
    }),
  );
}

function declared(name: string, node: ExportedDeclarations, all: readonly ExportedDeclarations[]): Declared {
  const common = { name, file: node.getSourceFile().getFilePath().slice(root.length) };
  if (Node.isFunctionDeclaration(node)) {
    const overloads = all.filter(Node.isFunctionDeclaration).filter((one) => one.isOverload());
    const signed = overloads.length > 0 ? overloads : [node];
    const doc = signed.map(docOf).find(({ text }) => text !== '') ?? docOf(node);
    return {
      ...common,
      kind: 'function',
      doc,
      signatures: signed.map((one) => signature(name, one)),
      members: [],
      uses: usesOf(signed),
    };
  }
  if (Node.isVariableDeclaration(node)) {
    const doc = docOf(node.getVariableStatementOrThrow());
    const arrow = node.getInitializerIfKind(SyntaxKind.ArrowFunction);
    if (arrow !== undefined)
      return {
        ...common,
        kind: 'function',
        doc,
        signatures: [signature(name, arrow)],
        members: [],
        uses: usesOf([arrow]),
      };
    const calls = callSignatures(node.getTypeNode());
    return {
      ...common,
      kind: 'function',
      doc,
      signatures: calls.map((one) => signature(name, one)),
      members: [],
      uses: usesOf(calls),
    };
  }
  if (Node.isClassDeclaration(node))
    return {
      ...common,
      kind: 'class',
      doc: docOf(node),
      signatures: classSignatures(name, node),
      members: membersOfClass(node),
      uses: usesOf(publicParts(node)),
    };
  if (Node.isInterfaceDeclaration(node)) {
    const extended = node.getExtends().map((base) => base.getText());
    const head = `interface ${name}${typeParameters(node.getTypeParameters())}${extended.length === 0 ? '' : ` extends ${extended.join(', ')}`}`;
    return {
      ...common,
      kind: 'type',
      doc: docOf(node),
      signatures: [oneLine(head)],
      members: membersOf(node),
      uses: usesOf([node]),
    };
  }
  if (Node.isTypeAliasDeclaration(node)) {
    const type = node.getTypeNodeOrThrow();
    const head = `type ${name}${typeParameters(node.getTypeParameters())}`;
    const members = Node.isTypeLiteral(type) ? membersOf(type) : [];
    return {
      ...common,
      kind: 'type',
      doc: docOf(node),
      signatures: [Node.isTypeLiteral(type) ? head : `${head} =${spaced(brokenUnion(aliasText(type)))}`],
      members,
      uses: usesOf([node]),
    };
  }
  throw new Error(
    `${name}: an export of kind ${node.getKindName()} is new to the reference: describe it in ${import.meta.url}`,
  );
}

const spaced = (type: string) => (type.startsWith('\n') ? type : ` ${type}`);

/** The text of an alias. The values of a constant list, and the names of a constant table, are written out. */
function aliasText(type: TypeNode): string {
  const text = plain(type);
  const [, list, record] = /^(?:\(typeof (\w+)\)\[number\]|keyof typeof (\w+))$/.exec(text) ?? [];
  const constant = type.getSourceFile().getVariableDeclaration(list ?? record ?? '');
  const [values] = constant?.getDescendantsOfKind(SyntaxKind.ArrayLiteralExpression) ?? [];
  if (list !== undefined && values !== undefined) return values.getElements().map(plain).join(' | ');
  const [members] = constant?.getDescendantsOfKind(SyntaxKind.ObjectLiteralExpression) ?? [];
  if (record === undefined || members === undefined) return text;
  const names = members
    .getProperties()
    .flatMap((one) => (Node.isPropertyAssignment(one) ? [`'${one.getName()}'`] : []));
  return names.join(' | ');
}

interface Signed {
  getParameters(): readonly ParameterDeclaration[];
  getReturnTypeNode?(): TypeNode | undefined;
}

/**
 * `name(a: A, b?: B): C`, on one line, or on one a parameter where it is long. Type parameters are left out: they are
 * for the compiler, and the names of types say enough to people.
 */
function signature(name: string, node: Signed): string {
  return broken(`${name}${called(node)}`, parametersOf(node));
}

function called(node: Signed): string {
  const returned = node.getReturnTypeNode?.();
  const parameters = parametersOf(node).join(', ');
  return `(${parameters})${returned === undefined ? '' : `: ${returnedName(returned)}`}`;
}

/** The parameters of a function. One that takes nothing, so that the compiler refuses any, is not one for people. */
function parametersOf(node: Signed): readonly string[] {
  return node
    .getParameters()
    .map(parameter)
    .filter((text) => !text.endsWith('never[]'));
}

/** The name of a returned type, of a promise what it gives. Arguments that are more than names are for the compiler. */
function returnedName(node: TypeNode): string {
  if (!Node.isTypeReference(node)) return plain(node);
  const name = node.getTypeName().getText();
  const [first] = node.getTypeArguments();
  if (name === 'Promise' && first !== undefined) return `Promise<${returnedName(first)}>`;
  const text = plain(node);
  return /<.*[<{].*>$/.test(text) ? name : text;
}

function parameter(node: ParameterDeclaration): string {
  const type = node.getTypeNode();
  const name = Node.isIdentifier(node.getNameNode()) ? node.getName() : 'options';
  const isOptional = node.hasQuestionToken() || node.getInitializer() !== undefined;
  return `${node.isRestParameter() ? '...' : ''}${name}${isOptional ? '?' : ''}: ${type === undefined ? 'unknown' : widened(plain(type))}`;
}

/** A type that is another one, narrowed for the compiler, is shown as that one. */
function widened(type: string): string {
  return type.replace(/^Omit<(\w+<[^>]*>), '\w+'> & \{.*\}$/, '$1');
}

function typeParameters(nodes: readonly TypeParameterDeclaration[]): string {
  return nodes.length === 0 ? '' : `<${nodes.map(plain).join(', ')}>`;
}

/** The calls that an interface describes: `sum: AmountAggregate`. */
function callSignatures(type: TypeNode | undefined) {
  const name = Node.isTypeReference(type) ? type.getTypeName() : undefined;
  const symbol = name?.getSymbol()?.getAliasedSymbol() ?? name?.getSymbol();
  return (symbol?.getDeclarations() ?? [])
    .filter(Node.isInterfaceDeclaration)
    .flatMap((node) => node.getCallSignatures());
}

type HasMembers = InterfaceDeclaration | TypeLiteralNode;

/** Members that are for the types only, or for the compiler, are nobody's business. */
const isShown = (name: string, { text }: Doc) => !name.startsWith('[') && !text.startsWith('For the types only');

function membersOf(node: HasMembers): readonly Member[] {
  const own = node.getMembers().flatMap((member) => {
    if (Node.isPropertySignature(member)) return property(member);
    if (Node.isMethodSignature(member))
      return [
        {
          name: member.getName(),
          isOptional: member.hasQuestionToken(),
          type: called(member),
          doc: docOf(member),
          members: [],
        },
      ];
    return [];
  });
  return [...own, ...basesOf(node).flatMap(membersOf)];
}

/** The project's interfaces that one extends. Those of packages are not read. */
function basesOf(node: HasMembers): readonly InterfaceDeclaration[] {
  if (!Node.isInterfaceDeclaration(node)) return [];
  return node.getExtends().flatMap((base) => {
    const symbol = base.getExpression().getSymbol();
    return (symbol?.getAliasedSymbol() ?? symbol)?.getDeclarations().filter(Node.isInterfaceDeclaration) ?? [];
  });
}

function property(node: PropertySignature | PropertyDeclaration): readonly Member[] {
  const [name, doc, type] = [node.getName(), docOf(node), node.getTypeNode()];
  if (!isShown(name, doc)) return [];
  const parts = type === undefined ? [] : Node.isUnionTypeNode(type) ? type.getTypeNodes() : [type];
  const literal = parts.find(Node.isTypeLiteral);
  const inside = literal === undefined ? [] : membersOf(literal);
  // A union shows its members itself: they are listed where there is something to say about them.
  const members = parts.length === 1 || inside.some((one) => one.doc.text !== '') ? inside : [];
  const text = type === undefined ? undefined : plain(type);
  return [
    {
      name,
      isOptional: node.hasQuestionToken(),
      type: members.length > 0 && parts.length === 1 ? undefined : text,
      doc,
      members,
    },
  ];
}

function publicParts(node: ClassDeclaration) {
  return [
    ...node.getConstructors(),
    ...node.getProperties().filter((one) => !one.isStatic() && one.getScope() === 'public'),
    ...node.getGetAccessors().filter((one) => one.getScope() === 'public'),
    ...node.getMethods().filter((one) => !one.isStatic() && one.getScope() === 'public'),
  ];
}

function classSignatures(name: string, node: ClassDeclaration): readonly string[] {
  const base = node.getExtends()?.getText();
  const [made] = node.getConstructors();
  return [
    `class ${name}${base === undefined ? '' : ` extends ${base}`}`,
    ...(made === undefined ? [] : [signature(`new ${name}`, made)]),
  ];
}

function membersOfClass(node: ClassDeclaration): readonly Member[] {
  return publicParts(node).flatMap((part): readonly Member[] => {
    if (Node.isPropertyDeclaration(part)) return part.hasOverrideKeyword() ? [] : property(part);
    if (Node.isConstructorDeclaration(part)) return [];
    const type = Node.isMethodDeclaration(part) ? called(part) : part.getReturnTypeNode()?.getText();
    return [{ name: part.getName(), isOptional: false, type, doc: docOf(part), members: [] }];
  });
}

/** The names of the project's types that nodes mention outside of code. */
function usesOf(nodes: readonly Node[]): readonly string[] {
  const names = nodes.flatMap((node) =>
    [
      ...node.getDescendantsOfKind(SyntaxKind.TypeReference).map((one) => one.getTypeName()),
      ...node.getDescendantsOfKind(SyntaxKind.ExpressionWithTypeArguments).map((one) => one.getExpression()),
    ].flatMap((name) => {
      if (name.getFirstAncestorByKind(SyntaxKind.Block) !== undefined) return [];
      const symbol = name.getSymbol();
      const declarations = (symbol?.getAliasedSymbol() ?? symbol)?.getDeclarations() ?? [];
      return declarations.some((one) => !Node.isTypeParameterDeclaration(one) && !Node.isImportSpecifier(one))
        ? [name.getText()]
        : [];
    }),
  );
  return [...new Set(names)];
}

interface Documented {
  getJsDocs(): readonly JSDoc[];
}

function docOf(node: Documented): Doc {
  const doc = node.getJsDocs().at(-1);
  const tags = (doc?.getTags() ?? []).map((tag) => ({
    tag: tag.getTagName(),
    name: Node.isJSDocParameterTag(tag) ? tag.getName() : '',
    text: ts.getTextOfJSDocComment(tag.compilerNode.comment)?.trim() ?? '',
  }));
  const texts = (wanted: string) => tags.filter(({ tag }) => tag === wanted).map(({ text }) => text);
  return {
    text: doc?.getDescription().trim() ?? '',
    params: tags.filter(({ tag }) => tag === 'param'),
    fallback: texts('default')[0],
    throws: texts('throws'),
    returns: texts('returns')[0],
    examples: texts('example'),
  };
}

/** The text of a type without comments, on one line. */
function plain(node: Node): string {
  return oneLine(
    node
      .getText()
      .replace(/\/\*.*?\*\//gs, '')
      .replace(/\/\/.*$/gm, ''),
  );
}

function oneLine(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/^\| /, '')
    .replace(/([<({[]) \| /g, '$1 ')
    .replace(/: \| /g, ': ')
    .replace(/\( /g, '(')
    .replace(/,? \)/g, ')')
    .trim();
}

const columns = 100;

/** Breaks a signature with one parameter a line. */
function broken(line: string, parameters: readonly string[]): string {
  if (line.length <= columns || parameters.length === 0) return line;
  const joined = parameters.join(', ');
  const at = line.lastIndexOf(`(${joined})`);
  return `${line.slice(0, at)}(\n${parameters.map((one) => `  ${one},\n`).join('')})${line.slice(at + joined.length + 2)}`;
}

/** Breaks a union that is long, with one member a line. */
export function brokenUnion(type: string): string {
  if (type.length <= columns) return type;
  const members = membersOfUnion(type);
  return members.length === 1 ? type : members.map((member) => `\n  | ${member}`).join('');
}

/** The members of a union, which may hold unions in brackets. */
function membersOfUnion(type: string): readonly string[] {
  const members = [''];
  let depth = 0;
  for (const part of type.split(/(=>|[<({[\]})>]| \| )/)) {
    if (/^[<({[]$/.test(part)) depth++;
    if (/^[\]})>]$/.test(part)) depth--;
    if (part === ' | ' && depth === 0) members.push('');
    else members.push(`${members.pop()}${part}`);
  }
  return members;
}
