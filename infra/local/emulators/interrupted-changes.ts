import { createRequire } from 'node:module';

/** The part of an emulator's store that describes its streams or tables, by name. */
interface Descriptions {
  createKeyStream(): AsyncIterable<string>;
  get(name: string, done: (error: Error | null, description: Record<string, unknown>) => void): void;
  put(name: string, description: object, done: (error?: Error | null) => void): void;
  del(name: string, done: (error?: Error | null) => void): void;
}

/** The stores that {@link keepStores} takes. */
export interface EmulatorStores {
  /**
   * Repairs the changes that a `kill -9` interrupted. kinesalite and dynalite finish a change with a timer. A timer
   * that died with its process leaves a stream or table that stays CREATING or UPDATING for ever. One that was being
   * created holds nothing yet: it is removed, to be created again. A split or merge takes effect with its last write,
   * so an interrupted one has not happened.
   */
  undoInterruptedChanges(): Promise<void>;
}

/** The place of each emulator's descriptions, and of the status in them. */
const emulators = [
  { module: 'kinesalite/db/index.js', descriptions: 'metaDb', status: 'StreamStatus' },
  { module: 'dynalite/db/index.js', descriptions: 'tableDb', status: 'TableStatus' },
] as const;

/** Has to be called before the emulators are made. Neither exposes its store, so it is taken where they make it. */
export function keepStores(): EmulatorStores {
  const fromHere = createRequire(import.meta.url);
  const found: { readonly descriptions: Descriptions; readonly status: string }[] = [];
  for (const { module, descriptions, status } of emulators) {
    const db = fromHere(module) as { create: (options: object) => Record<string, Descriptions> };
    const { create } = db;
    db.create = (options) => {
      const store = create(options);
      const kept = store[descriptions];
      if (kept !== undefined) found.push({ descriptions: kept, status });
      return store;
    };
  }
  return {
    async undoInterruptedChanges() {
      for (const { descriptions, status } of found) await undo(descriptions, status);
    },
  };
}

async function undo(descriptions: Descriptions, status: string): Promise<void> {
  for await (const name of descriptions.createKeyStream()) {
    const description = await new Promise<Record<string, unknown>>((resolve, reject) =>
      descriptions.get(name, (error, got) => (error ? reject(error) : resolve(got))),
    );
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      if (description[status] === 'CREATING') descriptions.del(name, done);
      else if (description[status] === 'UPDATING') descriptions.put(name, { ...description, [status]: 'ACTIVE' }, done);
      else resolve();
    });
  }
}
