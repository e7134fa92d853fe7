import type { Declared } from './declarations.ts';
import type { Doc } from './doc-comment.ts';
import { anchorOf, code, firstSentence, inline, sentence, table, wrapped, wrappedLine } from './markdown.ts';
import type { Member } from './members.ts';
import { brokenUnion } from './type-text.ts';

/** A section of a page: the exports that some files declare. */
export interface Section {
  readonly title: string;
  readonly intro: string;
  /** Beginnings of paths, from the root. */
  readonly files: readonly string[];
  /** The exports that come first, in this order; the others follow by name, functions before types. */
  readonly first?: readonly string[];
}

/** A page of the reference, for one entry point. */
export interface ApiPage {
  /** Below docs. */
  readonly file: string;
  readonly title: string;
  readonly module: string;
  readonly intro: string;
  /** The file that exports what the page describes, from the root. */
  readonly entry: string;
  readonly sections: readonly Section[];
  /** Types in signatures that are for the compiler, and have no entry. */
  readonly unnamed: readonly string[];
  /** Exports that people pass on, and whose members only Tidemark uses. Their members are not shown. */
  readonly opaque: readonly string[];
}

/** An entry point, with what it exports. */
export interface Exported {
  readonly page: ApiPage;
  readonly all: readonly Declared[];
}

/** The place of each documented name: the page and its anchor. */
export type Places = ReadonlyMap<string, string>;

export function placesOf(exports: readonly Exported[]): Places {
  return new Map(
    exports.flatMap((exported) => {
      const users = new Map([...optionsOfOne(exported)].map(([user, { name }]) => [name, user]));
      return exported.all.map((one) => {
        const shown = exported.all.find(({ name }) => name === users.get(one.name)) ?? one;
        return [one.name, `${exported.page.file}#${anchorOf(headingOf(shown, exported))}`] as const;
      });
    }),
  );
}

/** The heading of a name. Anchors know no capitals, so that `Duration` has to differ from `duration`. */
function headingOf({ name, kind }: Declared, { page, all }: Exported): string {
  const others = [...all.map((one) => one.name), ...page.sections.map(({ title }) => title)];
  const isTaken = others.some((other) => other !== name && anchorOf(other) === anchorOf(name));
  return isTaken && kind !== 'function' ? `${name} (type)` : name;
}

/** Options that one function alone takes, by that function, with which they are described. */
function optionsOfOne({ all }: Exported): ReadonlyMap<string, Declared> {
  const takers = all.filter(({ kind }) => kind === 'function');
  return new Map(
    all.flatMap((options) => {
      const [taker, another] = takers.filter(({ uses }) => uses.includes(options.name));
      const isOfOne = taker !== undefined && another === undefined && options.name.endsWith('Options');
      return isOfOne ? [[taker.name, options] as const] : [];
    }),
  );
}

/** The sections with what they show. @throws when an export is in none */
function sectionsOf(exported: Exported) {
  const { page, all } = exported;
  const sectionOf = ({ file }: Declared) =>
    page.sections.find(({ files }) => files.some((one) => file.startsWith(one)));
  const lost = all.filter((one) => sectionOf(one) === undefined).map(({ name, file }) => `${name} of ${file}`);
  if (lost.length > 0)
    throw new Error(`${page.entry}: ${lost.join(', ')}: is in no section: give it one in test/reference/pages.ts`);
  const inlined = new Set(optionsOfOne(exported).values());
  return page.sections.map((section) => {
    const members = all.filter((one) => sectionOf(one) === section && !inlined.has(one));
    return { section, members: sorted(members, section.first ?? []) };
  });
}

function sorted(members: readonly Declared[], first: readonly string[]): readonly Declared[] {
  const rank = ({ name, kind }: Declared) =>
    first.includes(name) ? first.indexOf(name) : kind === 'type' ? first.length + 1 : first.length;
  return [...members].sort((left, right) => rank(left) - rank(right) || (left.name < right.name ? -1 : 1));
}

/** The text of a page. */
export function apiPage(exported: Exported, places: Places): string {
  const { page } = exported;
  const link = linker(page.file, places);
  const sections = sectionsOf(exported).map(({ section, members }) => {
    const entries = members.map((one) => entryText(one, exported, link));
    return [`## ${section.title}`, wrapped(link.text(section.intro)), ...entries].join('\n\n');
  });
  return [`# ${page.title}`, wrapped(link.text(page.intro)), ...sections].join('\n\n');
}

/** The lines of a page in the index: each name with its first sentence. */
export function apiIndex(exported: Exported, places: Places): string {
  const link = linker('reference.md', places);
  return sectionsOf(exported)
    .map(({ section, members }) => {
      const rows = members.map(({ name, doc }) => [link.name(name), link.text(firstSentence(doc.text))]);
      return `### ${section.title}\n\n${table(['Name', 'In one sentence'], rows)}`;
    })
    .join('\n\n');
}

interface Linker {
  /** A name as a link to where it is described. */
  readonly name: (name: string) => string;
  /** A text of a doc comment: `{@link NAME}` and names of documents become links. */
  readonly text: (text: string) => string;
}

/** Links of a page, relative to its folder. */
function linker(from: string, places: Places): Linker {
  const up = from.includes('/') ? '../' : '';
  const name = (wanted: string, member?: string) => {
    const [file = '', anchor] = places.get(wanted)?.split('#') ?? [];
    const shown = member === undefined ? wanted : `${wanted}.${member}`;
    if (anchor === undefined) return inline(shown);
    const target = file === from ? '' : up === '' ? file : file.replace(/^reference\//, '');
    return `[\`${shown}\`](${target}#${anchor})`;
  };
  return {
    name,
    text: (text) =>
      text
        .replace(/\{@link\s+(\w+)(?:\.(\w+))?\}/g, (_, wanted: string, member?: string) => name(wanted, member))
        .replace(/\bdocs\/([A-Z]+\.md)\b/g, `[$1](${up}$1)`),
  };
}

function entryText(one: Declared, exported: Exported, link: Linker): string {
  const { name, doc, signatures, members, uses } = one;
  const { page, all } = exported;
  const options = optionsOfOne(exported).get(name);
  const isOpaque = page.opaque.includes(name);
  const types = uses.filter(
    (used) => used !== name && used !== options?.name && all.some((other) => other.name === used),
  );
  return [
    `### ${headingOf(one, exported)}`,
    isOpaque || /^(?:interface|type) \w+$/.test(signatures.join()) ? '' : code(signatures.join('\n')),
    wrapped(link.text(isOpaque ? (doc.text.split(/\n\s*\n/)[0] ?? '') : doc.text)),
    ...doc.examples.map((example) => code(example.replace(/^```\w*\n|\n```$/g, ''))),
    doc.params.map((param) => wrappedLine(`- ${inline(param.name)}: ${link.text(sentence(param.text))}`)).join('\n'),
    options === undefined ? '' : `Its options (\`${options.name}\`):\n\n${memberList(options.members, link)}`,
    isOpaque ? '' : memberList(members, link),
    ...outcomes(doc).map((text) => wrapped(link.text(text))),
    types.length === 0 || isOpaque ? '' : wrappedLine(`Types: ${types.map((type) => link.name(type)).join(', ')}.`),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** What a call returns and throws, in sentences. */
function outcomes({ returns, throws }: Doc): readonly string[] {
  const thrown = throws.map((text) => `Throws ${text.replace(/^TidemarkError\b/, '{@link TidemarkError}')}`);
  return [...(returns === undefined ? [] : [`Returns ${returns}`]), ...thrown].map(sentence);
}

function memberList(members: readonly Member[], link: Linker, indent = ''): string {
  return members.map((member) => memberText(member, link, indent)).join('\n');
}

/** Longest declaration of a member that stands in its line. */
const shortMember = 80;

function memberText({ name, isOptional, type, doc, members }: Member, link: Linker, indent: string): string {
  const label = `${name}${isOptional ? '?' : ''}`;
  const isMethod = type?.startsWith('(') === true && /\)(?:: .+)?$/.test(type) && !type.includes(') =>');
  const whole = type === undefined ? label : `${label}${isMethod ? '' : ': '}${type}`;
  const isShort = whole.length <= shortMember;
  const said = [
    doc.text,
    ...doc.params.map((one) => `${inline(one.name)}: ${one.text}`),
    ...outcomes(doc),
    doc.fallback === undefined ? '' : `Default: ${shownDefault(doc.fallback)}`,
  ];
  const text = said
    .filter((part) => part !== '')
    .map((part) => link.text(sentence(part)))
    .join(' ');
  const line = wrappedLine(`- ${inline(isShort ? whole : label)}${text === '' ? '' : `: ${text}`}`, indent);
  const block =
    isShort || type === undefined
      ? ''
      : code(brokenUnion(type).replace(/^\n {2}| {2}(?=\|)/gm, '')).replace(/^(?=.)/gm, `${indent}  `);
  const nested = members.length === 0 ? '' : `\n${memberList(members, link, `${indent}  `)}`;
  return `${line}${block === '' ? '' : `\n\n${block}\n`}${nested}`;
}

/** A default's value as code, where it begins with one. */
function shownDefault(text: string): string {
  return text.replace(/^(?:'[^']*'|-?\d[\d,.]*\d|\d+|true|false|\w+\.[A-Z_]+|[A-Z]{4,})(?=$|[:;,.])/, (value) =>
    inline(value),
  );
}
