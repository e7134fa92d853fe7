import { durationMs, longestDurationMs } from '../../functions/core/arguments/duration.ts';
import { parseIsoTime } from '../../functions/core/events/event-time.ts';
import { UsageError } from './errors.ts';

/** Any text but the empty one. */
export function text(value: string, option: string): string {
  if (value === '') throw new UsageError(`${option} is empty: give it a value`);
  return value;
}

/** A parser of whole numbers between two bounds, both inclusive. */
export function integer(least: number, most: number): (value: string, option: string) => number {
  return (value, option) => {
    const number = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new UsageError(`${option} is a whole number from ${least} to ${most}, not "${value}"`);
  };
}

/** A moment, in epoch ms. */
export function time(value: string, option: string): number {
  const ms = /^-?\d{1,15}$/.test(value) ? Number(value) : parseIsoTime(value);
  if (ms !== undefined) return ms;
  throw new UsageError(
    `${option} is ISO 8601 with a zone (2026-11-24T00:00:00Z) or epoch milliseconds, not "${value}"`,
  );
}

/** A parser of lengths of time, `90s` or `1 day 12 hours` or `0`, in ms, from a lower bound to 100 years. */
export function duration(leastMs: number): (value: string, option: string) => number {
  return (value, option) => {
    try {
      return durationMs(option, value.trim() === '0' ? 0 : value, { leastMs, mostMs: longestDurationMs });
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error));
    }
  };
}

/** A TCP port of this machine. */
export const port = integer(1, 65_535);

/** An http or https address: paths are joined to it, so it ends with its host or a path. */
export function httpUrl(value: string, option: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url !== undefined && `${url.username}${url.password}${url.search}${url.hash}` !== '')
    throw new UsageError(
      `${option} is an address without a user, ? or #, such as http://127.0.0.1:4566, not "${value}"`,
    );
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return value;
  throw new UsageError(`${option} is an address such as http://127.0.0.1:4566, not "${value}"`);
}

/** The address on which a server listens. */
export interface ListenAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/**
 * An address of this machine: `9999`, which is reached from this machine only, or an address and a port, such as
 * `127.0.0.1:9999`, `[::1]:9999` or `0.0.0.0:9999`.
 */
export function listenAddress(value: string, option: string): ListenAddress {
  const [, bracketed, plain, digits = ''] = /^(?:(?:\[([0-9a-fA-F:.%]+)\]|([\w.-]+)):)?(\d{1,5})$/.exec(value) ?? [];
  const number = Number(digits);
  if (digits !== '' && number <= 65_535) return { host: bracketed ?? plain ?? '127.0.0.1', port: number };
  throw new UsageError(`${option} is a port, or an address and a port such as 127.0.0.1:9999, not "${value}"`);
}

/** A parser of a choice among a few words. */
export function oneOf<const Word extends string>(words: readonly Word[]): (value: string, option: string) => Word {
  return (value, option) => {
    const known = words.find((word) => word === value);
    if (known !== undefined) return known;
    throw new UsageError(`${option} is one of ${words.join(', ')}, not "${value}"`);
  };
}

/** A share of the events, from 0 to 1: `0.1%` or `0.001`. */
export function share(value: string, option: string): number {
  const [, digits = '', percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(value.trim()) ?? [];
  const number = Number(digits) / (percent === '%' ? 100 : 1);
  if (digits !== '' && number <= 1) return number;
  throw new UsageError(`${option} is a share of the events such as 0.1% or 0.001, not "${value}"`);
}
