import { fileURLToPath } from 'node:url';
import { type ClassDeclaration, type ExportedDeclarations, Node, Project, SyntaxKind, type TypeNode } from 'ts-morph';
import { type Doc, docOf } from './doc-comment.ts';
import { type Member, membersOf, membersOfClass, publicParts } from './members.ts';
import { aliasText, brokenUnion, oneLine, signature, typeParameters } from './type-text.ts';

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

/** The calls that an interface describes: `sum: AmountAggregate`. */
function callSignatures(type: TypeNode | undefined) {
  const name = Node.isTypeReference(type) ? type.getTypeName() : undefined;
  const symbol = name?.getSymbol()?.getAliasedSymbol() ?? name?.getSymbol();
  return (symbol?.getDeclarations() ?? [])
    .filter(Node.isInterfaceDeclaration)
    .flatMap((node) => node.getCallSignatures());
}

function classSignatures(name: string, node: ClassDeclaration): readonly string[] {
  const base = node.getExtends()?.getText();
  const [made] = node.getConstructors();
  return [
    `class ${name}${base === undefined ? '' : ` extends ${base}`}`,
    ...(made === undefined ? [] : [signature(`new ${name}`, made)]),
  ];
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
