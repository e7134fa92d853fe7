import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');

/** Every file of the tree below a folder, by its path from the root. Installed and built files are not of the tree. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(new URL(`${folder}/`, root), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (/^(\.git|\.tidemark|node_modules|cdk\.out|dist)$/.test(entry.name)) return [];
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

const all = filesBelow('.');

/** The sources of the rooms: not those of the project that `tidemark init` writes. */
const isInRoom = (path: string) =>
  /^(?:functions|infra|cli|pipelines)\/.*\.(?:ts|mjs)$/.test(path) && !path.startsWith('cli/init/template/');
const documents = all.filter((path) => path.endsWith('.md') && !path.startsWith('test/'));
const written = all.filter((path) => /\.(ts|mjs|json|md|html|css|yml)$/.test(path) && path !== 'package-lock.json');

/** A file's text on one line: a comment may break a citation anywhere. */
const unbroken = (path: string) => text(path).replace(/\s*\n\s*(?:\*|\/\/|#)?\s*/g, ' ');

/** The text of a document without its blocks of code. */
const prose = (path: string) => text(path).replace(/^```.*?^```$/gms, '');

/** The headings of a document. */
const headings = (path: string) => [...prose(path).matchAll(/^#+ (.+)$/gm)].flatMap(([, heading]) => heading ?? []);

/** The anchor that GitHub makes of a heading. */
const anchorOf = (heading: string) =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

/** The sections of the design, its steps (`4.1 step 3`) and their parts (`4.1 step 3 b`). */
function sectionsOfDesign(): ReadonlySet<string> {
  const sections = new Set<string>();
  let section = '';
  let step = '';
  for (const line of text('docs/DESIGN.md').split('\n')) {
    const [, numbered] = /^#+ (\d+(?:\.\d+)?)\.? /.exec(line) ?? [];
    const [, stepNumber] = /^(\d+)\. /.exec(line) ?? [];
    const [, part] = /^ {3}- ([a-z])\. /.exec(line) ?? [];
    if (numbered !== undefined) section = numbered;
    if (stepNumber !== undefined) step = `${section} step ${stepNumber}`;
    sections.add(part === undefined ? section : `${step} ${part}`).add(step);
  }
  return sections;
}

/** The citations of the design in a text: `4.1`, `4.2 step 3 e`, `6`. */
function citationsIn(path: string): readonly string[] {
  const cited = /\bDESIGN(?:,? sections?)? (\d+(?:\.\d+)?)(?: to (\d+))?(?:, step (\d+)(?: ([a-z])\b)?)?/g;
  return [...unbroken(path).matchAll(cited)].flatMap(([, section = '', through, step, part]) => {
    if (step !== undefined) return [`${section} step ${step}${part === undefined ? '' : ` ${part}`}`];
    return through === undefined ? [section] : [section, through];
  });
}

describe('the documents', () => {
  const self = 'test/unit/documents.test.ts';
  const sections = sectionsOfDesign();
  const rules = new Set([...text('CONTRIBUTING.md').matchAll(/^(\d+)\. /gm)].map(([, number]) => number));

  it('have every section and step of the design that is cited', () => {
    const cited = written.flatMap((path) => citationsIn(path).map((section) => ({ path, section })));
    expect(cited.length).toBeGreaterThan(50);
    expect(cited.filter(({ path, section }) => path !== self && !sections.has(section))).toEqual([]);
  });

  it('are cited by a section wherever the design is named, and by no page that is not in the tree', () => {
    const vague = /\b(?:DESIGN(?!\.md\b|,? (?:sections? )?\d)|STYLE\b).{0,40}/g;
    const found = written.filter((path) => path !== self).flatMap((path) => unbroken(path).match(vague) ?? []);
    expect(found).toEqual([]);
  });

  it('have every rule of the house that is cited', () => {
    const cited = written.flatMap((path) =>
      [...unbroken(path).matchAll(/\bCONTRIBUTING, rule (\d+)/g)].map(([, rule]) => rule),
    );
    expect(cited.length).toBeGreaterThan(0);
    expect(cited.filter((rule) => !rules.has(rule))).toEqual([]);
  });

  it('link to files and headings that are there', () => {
    const broken = documents.flatMap((path) =>
      [...prose(path).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
        if (/^[a-z]+:/.test(target)) return [];
        const [file = '', anchor] = target.split('#');
        const to = file === '' ? path : posix.join(posix.dirname(path), file);
        if (!existsSync(new URL(to, root))) return [`${path}: ${target}`];
        if (anchor === undefined || !to.endsWith('.md')) return [];
        return headings(to).map(anchorOf).includes(anchor) ? [] : [`${path}: ${target}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  it('and the code name only files of the tree', () => {
    const named = /(?<![\w./@#'*-])[\w-]+\/[\w./-]+\.(?:ts|mjs|md)\b/g;
    const isSource = (path: string) => /^(?:functions|infra|cli|docs|pipelines)\//.test(path);
    const placeholder = /\b(?:NAME|GROUP)\b/;
    // The name is written from the root, or from a folder that the context names: it is the end of the path of some
    // file.
    const isThere = (name: string) => all.some((path) => path === name || path.endsWith(`/${name}`));
    const missing = [...documents, ...written.filter(isSource)].flatMap((path) =>
      (unbroken(path).match(named) ?? [])
        .filter((name) => !placeholder.test(name) && !isThere(name))
        .map((name) => `${path}: ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('say of each guarantee where it is enforced and checked, by files that are there', () => {
    const rows = [...text('docs/GUARANTEES.md').matchAll(/^\| I\d+ \|.*$/gm)].map(([row]) => row.split(' | '));
    expect(rows.length).toBe(18);
    const missing = rows.flatMap(([, , enforced = '', checked = '', others = '']) => [
      ...namesIn(enforced).filter((name) => !existsIn('functions', name)),
      ...namesIn(checked).filter((name) => !existsIn('test/simulation', name) && !existsIn('functions', name)),
      ...[...others.matchAll(/`([\w/-]+)`/g)].flatMap(([, name = '']) => (isTest(name) ? [] : [name])),
    ]);
    expect(missing).toEqual([]);
  });

  it('have lines of at most 120 columns, tables and code aside', () => {
    const long = documents.flatMap((path) =>
      prose(path)
        .split('\n')
        .filter((line) => line.length > 120 && !line.startsWith('|') && /\S\s+\S/.test(line))
        .map((line) => `${path}: ${line}`),
    );
    expect(long).toEqual([]);
  });
});

/** The files named in a cell of the table of guarantees. */
const namesIn = (cell: string) => [...cell.matchAll(/`([\w/-]+\.ts)`/g)].flatMap(([, name]) => name ?? []);
const existsIn = (folder: string, name: string) => existsSync(new URL(`${folder}/${name}`, root));
const isTest = (name: string) =>
  all.some((path) => path.startsWith(`test/${name}.`) || path.startsWith(`test/${name}-`)) || existsIn('test', name);

/** The areas in the order of the picture. A room imports from its own area, further left, and from earlier areas. */
const areas = [
  { name: 'core', folder: 'functions/core' },
  { name: 'pipelines', folder: 'pipelines' },
  { name: 'state', folder: 'functions/state' },
  { name: 'functions', folder: 'functions' },
  { name: 'infra', folder: 'infra' },
  { name: 'cli', folder: 'cli' },
];

/** The picture of docs/ARCHITECTURE.md: the place of each room, by its folder. */
function roomsOfPicture(): ReadonlyMap<
  string,
  { readonly area: number; readonly layer: number; readonly name: string }
> {
  const [, picture = ''] = /^```\n(.*?)^```$/ms.exec(text('docs/ARCHITECTURE.md')) ?? [];
  const lines = picture.replace(/\n +/g, ' ').trim().split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [title = '', ...layers] = line.replace(/\s+/, ' <- ').split(/\s*<-\s*/);
      const area = areas.findIndex(({ name }) => name === title);
      const folder = areas[area]?.folder;
      if (folder === undefined) throw new Error(`the picture has an area ${title} that is not known`);
      return layers.flatMap((rooms, layer) =>
        rooms
          .split(/\s+/)
          .map((name) => [name === '*.ts' ? folder : `${folder}/${name}`, { area, layer, name }] as const),
      );
    }),
  );
}

/**
 * The imports of the sources between rooms, including imports of types. package.json defines the names that begin with
 * `#`.
 */
function importsBetweenRooms() {
  const { imports: named }: { readonly imports: Readonly<Record<string, string>> } = JSON.parse(text('package.json'));
  const sources = all.filter(isInRoom);
  return sources.flatMap((path) => {
    const room = posix.dirname(path);
    const found = text(path).matchAll(/^(?:import|export)\b[^;'"]*?'([.#][^']+)'|\bimport\('(\.[^']+)'\)\./gm);
    return [...found].flatMap(([, name = '', type]) => {
      const target = type ?? named[name] ?? name;
      const to = posix.dirname(target === named[name] ? posix.normalize(target) : posix.join(room, target));
      return to === room ? [] : [{ path, room, to }];
    });
  });
}

describe('the picture of the rooms', () => {
  const rooms = roomsOfPicture();
  const imports = importsBetweenRooms();

  it('has every room that holds sources, and no other', () => {
    const onDisk = all.flatMap((path) => (isInRoom(path) ? [posix.dirname(path)] : []));
    expect([...rooms.keys()].sort()).toEqual([...new Set(onDisk)].sort());
  });

  it('has a line for each room that says what it is for', () => {
    for (const { name, folder } of areas) {
      const [, section = ''] = new RegExp(`^### ${name}: (.*?)(?=^##)`, 'ms').exec(text('docs/ARCHITECTURE.md')) ?? [];
      const told = [...section.matchAll(/^\| `([^`]+)` \| .+ \|$/gm)].map(([, room]) => room);
      const drawn = [...rooms].filter(([path]) => areas[rooms.get(path)?.area ?? -1]?.folder === folder);
      expect(told.sort()).toEqual(drawn.map(([, room]) => room.name).sort());
    }
  });

  it('shows what imports what: none runs against it', () => {
    expect(imports.length).toBeGreaterThan(500);
    const against = imports.flatMap(({ room, to, path }) => {
      const [from, at] = [rooms.get(room), rooms.get(to)];
      if (from === undefined || at === undefined) return [`${path} -> ${to}`];
      const isWithThePicture = at.area < from.area || (at.area === from.area && at.layer < from.layer);
      return isWithThePicture ? [] : [`${room} -> ${to}`];
    });
    expect([...new Set(against)].sort()).toEqual([]);
  });
});
