import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createInterrupt } from '../../cli/interrupt.ts';

/** A process that gets signals and keeps the code with which it was ended. */
class Interrupted extends EventEmitter {
  readonly env = {};
  readonly platform = 'linux';
  readonly ppid = 1;
  readonly ended: number[] = [];
  exit(code: number): void {
    this.ended.push(code);
  }
}

afterEach(() => void vi.useRealTimers());

describe('a command', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])('is asked to end by the first %s, with exit code %i, and ends at once by the second', (signal, code) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const process = new Interrupted();
    const interrupt = createInterrupt(process as unknown as NodeJS.Process);
    expect([interrupt.signal.aborted, interrupt.exitCode()]).toEqual([false, undefined]);
    process.emit(signal);
    expect([interrupt.signal.aborted, interrupt.exitCode(), process.ended]).toEqual([true, code, []]);
    process.emit(signal); // npx passes on what the terminal has sent to everybody
    expect(process.ended).toEqual([]);
    vi.advanceTimersByTime(1000);
    process.emit(signal);
    expect(process.ended).toEqual([code]);
    interrupt.close();
  });
});
