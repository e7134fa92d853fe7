import { Node, type ParameterDeclaration, SyntaxKind, type TypeNode, type TypeParameterDeclaration } from 'ts-morph';

/** The text of an alias. The values of a constant list, and the names of a constant table, are written out. */
export function aliasText(type: TypeNode): string {
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
export function signature(name: string, node: Signed): string {
  return broken(`${name}${called(node)}`, parametersOf(node));
}

export function called(node: Signed): string {
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

export function typeParameters(nodes: readonly TypeParameterDeclaration[]): string {
  return nodes.length === 0 ? '' : `<${nodes.map(plain).join(', ')}>`;
}

/** The text of a type without comments, on one line. */
export function plain(node: Node): string {
  return oneLine(
    node
      .getText()
      .replace(/\/\*.*?\*\//gs, '')
      .replace(/\/\/.*$/gm, ''),
  );
}

export function oneLine(text: string): string {
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
