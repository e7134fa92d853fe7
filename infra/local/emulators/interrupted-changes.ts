import { createRequire } from 'node:module';

/** The part of dynalite's store that describes its tables, by name. */
interface Descriptions {
  createKeyStream(): AsyncIterable<string>;
  get(name: string, done: (error: Error | null, description: Record<string, unknown>) => void): void;
  put(name: string, description: object, done: (error?: Error | null) => void): void;
  del(name: string, done: (error?: Error | null) => void): void;
}

/** The store that {@link keepDynaliteStore} takes. */
export interface DynaliteStore {
  /**
   * Repairs the changes that a `kill -9` interrupted. dynalite finishes a change with a timer. A timer that died with
   * its process leaves a table that stays CREATING or UPDATING for ever. One that was being created holds nothing yet:
   * it is removed, to be created again.
   */
  undoInterruptedChanges(): Promise<void>;
}

/** Has to be called before dynalite is made. It does not expose its store, so that is taken where dynalite makes it. */
export function keepDynaliteStore(): DynaliteStore {
  const db = createRequire(import.meta.url)('dynalite/db/index.js') as {
    create: (options: object) => { readonly tableDb: Descriptions };
  };
  const found: Descriptions[] = [];
  const { create } = db;
  db.create = (options) => {
    const store = create(options);
    found.push(store.tableDb);
    return store;
  };
  return {
    async undoInterruptedChanges() {
      for (const descriptions of found) await undo(descriptions);
    },
  };
}

async function undo(descriptions: Descriptions): Promise<void> {
  for await (const name of descriptions.createKeyStream()) {
    const description = await new Promise<Record<string, unknown>>((resolve, reject) =>
      descriptions.get(name, (error, got) => (error ? reject(error) : resolve(got))),
    );
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      const { TableStatus: status } = description;
      if (status === 'CREATING') descriptions.del(name, done);
      else if (status === 'UPDATING') descriptions.put(name, { ...description, TableStatus: 'ACTIVE' }, done);
      else resolve();
    });
  }
}
