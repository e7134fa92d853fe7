import { expect } from 'vitest';

/** The problem that a request is to be answered with. */
export interface ExpectedProblem {
  readonly kind: string;
  readonly parameter: string;
  /** A part of what was received, which the problem names. */
  readonly received: string;
}

/** Holds a body to the problem that is expected: one line, which names the parameter and what was received. */
export function expectProblem(
  body: Readonly<Record<string, unknown>>,
  status: number,
  { kind, parameter, received }: ExpectedProblem,
): void {
  expect(body).toMatchObject({
    type: `urn:problem-type:tidemark:${kind}`,
    status,
    parameter,
    title: expect.stringMatching(/^[A-Z]/),
  });
  const detail = String(body['detail']);
  expect(detail.startsWith(`${parameter}: `)).toBe(true);
  expect(detail).toContain(received);
  // The remedy comes last. Long values are cut, and nothing tells of the inside.
  expect(detail).toMatch(/^[^\n]+: [^\n]{5,}$/);
  expect(detail.length).toBeLessThan(300);
}
