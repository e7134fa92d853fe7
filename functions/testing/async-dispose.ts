/**
 * `await using` in a program for a Node without it is compiled to a helper that looks for this symbol, or for the one
 * that is registered under its name (esbuild). So that one is given where there is none.
 */
const name = 'asyncDispose';
if (Symbol[name] === undefined)
  Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`), configurable: false, writable: false });

export const asyncDispose: typeof Symbol.asyncDispose = Symbol[name];
