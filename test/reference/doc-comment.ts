import { type JSDoc, Node, ts } from 'ts-morph';

/** A doc comment, taken apart. Texts are Markdown; links in them are still `{@link NAME}`. */
export interface Doc {
  readonly text: string;
  readonly params: readonly { readonly name: string; readonly text: string }[];
  readonly fallback: string | undefined;
  readonly throws: readonly string[];
  readonly returns: string | undefined;
  readonly examples: readonly string[];
}

interface Documented {
  getJsDocs(): readonly JSDoc[];
}

export function docOf(node: Documented): Doc {
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
