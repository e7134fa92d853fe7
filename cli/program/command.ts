import type { Readable } from 'node:stream';
import type { Output, ScreenOutput } from './output.ts';

/**
 * A command as data: what it takes, what it says in `--help`, and the function that does it. The parser knows no
 * command by name; a new one is a file in `commands/` with a `defineCommand` as its default export and a line in
 * `commands.ts`.
 */
export interface Command<Options extends OptionSpecs = OptionSpecs> {
  /**
   * Positional arguments as commander writes them (`FILES...`: one or more; `[NAME]`: may be missing), with a
   * description each.
   */
  readonly operands?: readonly { readonly name: string; readonly description: string }[];
  /** One to three sentences for `--help`, below the usage line. */
  readonly description: string;
  readonly options: Options;
  /** Whole command lines, each with its meaning. */
  readonly examples: readonly (readonly [commandLine: string, meaning: string])[];
  /** Does the work. The answer is the exit code; errors are thrown and translated in one place (`errors.ts`). */
  run(input: CommandInput<Options>): Promise<number>;
}

/** The input of a command. Commands read nothing else of the process. */
export interface CommandInput<Options extends OptionSpecs> {
  /** All positional arguments, in order. */
  readonly operands: readonly string[];
  readonly options: OptionValues<Options>;
  readonly process: CommandProcess;
}

/** The edges of the process, as arguments so that tests can stand in. */
export interface CommandProcess {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: ScreenOutput;
  /** Aborted by the first Ctrl-C: stop cleanly; the exit code becomes 130. A second Ctrl-C ends the process at once. */
  readonly signal: AbortSignal;
  /** Epoch milliseconds. */
  now(): number;
}

/** `--name`, false unless given. */
interface FlagSpec {
  readonly kind: 'flag';
  readonly description: string;
}

/** `--no-name`: the value is true unless given. */
interface NegatedSpec {
  readonly kind: 'negated';
  readonly description: string;
}

/** `--name <placeholder>`; `parse` throws a UsageError; without `fallback` the value may be undefined. */
interface ValueSpec<Value> {
  readonly kind: 'value';
  readonly placeholder: string;
  readonly description: string;
  readonly parse: (text: string, option: string) => Value;
  readonly fallback?: Value;
  /** Options of a group that many commands share are explained once, in `tidemark help connection`. */
  readonly group?: 'connection';
}

/** One option; its name on the command line is its key in the record of options, in kebab-case. */
export type OptionSpec = FlagSpec | NegatedSpec | ValueSpec<unknown>;
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type OptionValue<Spec> = Spec extends { kind: 'flag' | 'negated' }
  ? boolean
  : Spec extends { kind: 'value'; parse: (text: string, option: string) => infer Value }
    ? Spec extends { fallback: unknown }
      ? Value
      : Value | undefined
    : never;

/** The options as a command's `run` gets them. */
export type OptionValues<Options extends OptionSpecs> = {
  readonly [Name in keyof Options]: OptionValue<Options[Name]>;
};

/** An option without a value: it is given or not. */
export function flag(description: string): FlagSpec {
  return { kind: 'flag', description };
}

/** An option `--no-NAME` that turns off a default. */
export function negated(description: string): NegatedSpec {
  return { kind: 'negated', description };
}

/** An option with a value that may be left out. */
export function value<Value>(
  placeholder: string,
  description: string,
  parse: (text: string, option: string) => Value,
): Omit<ValueSpec<Value>, 'fallback'> {
  return { kind: 'value', placeholder, description, parse };
}

/** An option with a value and a default, which `--help` shows. */
export function valueOr<Value>(
  placeholder: string,
  description: string,
  parse: (text: string, option: string) => Value,
  fallback: Value,
): ValueSpec<Value> & { readonly fallback: Value } {
  return { kind: 'value', placeholder, description, parse, fallback };
}

/** Options that say where a command connects to. */
export function connecting<const Specs extends Readonly<Record<string, Omit<ValueSpec<unknown>, 'group'>>>>(
  specs: Specs,
): Specs {
  const grouped = Object.entries(specs).map(([name, spec]) => [name, { ...spec, group: 'connection' }]);
  return Object.fromEntries(grouped) as Specs;
}

/** Ties the types of the options to `run`; the table of commands sees a plain `Command`. */
export function defineCommand<const Options extends OptionSpecs>(command: Command<Options>): Command {
  return {
    ...command,
    // The values were parsed by exactly these specs (main.ts), so they have the types that the specs promise.
    run: (input) => command.run({ ...input, options: input.options as OptionValues<Options> }),
  };
}
