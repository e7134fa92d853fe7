import {
  type ClassDeclaration,
  type InterfaceDeclaration,
  Node,
  type PropertyDeclaration,
  type PropertySignature,
  type TypeLiteralNode,
} from 'ts-morph';
import { type Doc, docOf } from './doc-comment.ts';
import { called, plain } from './type-text.ts';

/** A member of an interface, a class or an object type. */
export interface Member {
  readonly name: string;
  readonly isOptional: boolean;
  /** Its type, or its signature from the parameters on; undefined where `members` says it all. */
  readonly type: string | undefined;
  readonly doc: Doc;
  readonly members: readonly Member[];
}

type HasMembers = InterfaceDeclaration | TypeLiteralNode;

/** Members that are for the types only, or for the compiler, are nobody's business. */
const isShown = (name: string, { text }: Doc) => !name.startsWith('[') && !text.startsWith('For the types only');

export function membersOf(node: HasMembers): readonly Member[] {
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

export function publicParts(node: ClassDeclaration) {
  return [
    ...node.getConstructors(),
    ...node.getProperties().filter((one) => !one.isStatic() && one.getScope() === 'public'),
    ...node.getGetAccessors().filter((one) => one.getScope() === 'public'),
    ...node.getMethods().filter((one) => !one.isStatic() && one.getScope() === 'public'),
  ];
}

export function membersOfClass(node: ClassDeclaration): readonly Member[] {
  return publicParts(node).flatMap((part): readonly Member[] => {
    if (Node.isPropertyDeclaration(part)) return part.hasOverrideKeyword() ? [] : property(part);
    if (Node.isConstructorDeclaration(part)) return [];
    const type = Node.isMethodDeclaration(part) ? called(part) : part.getReturnTypeNode()?.getText();
    return [{ name: part.getName(), isOptional: false, type, doc: docOf(part), members: [] }];
  });
}
