import { randomUUID } from 'node:crypto';
import { accountId, arnOf, region } from '../account/account.ts';

/** Most invocations of the schedule that may run at once. EventBridge has no such limit, but a laptop has. */
const mostAtOnce = 2;

/** The event that an EventBridge rule with a rate sends. */
function scheduledEvent(ruleName: string, nowMs: number): object {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: accountId,
    time: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    region,
    resources: [arnOf('events', `rule/${ruleName}`)],
    detail: {},
  };
}

/**
 * Invokes every `everyMs`, also while the previous run goes on. Returns a function that ends it and waits for the runs
 * in flight.
 */
export function startSchedule(
  ruleName: string,
  everyMs: number,
  invoke: (event: string) => Promise<unknown>,
): () => Promise<void> {
  const inFlight = new Set<Promise<unknown>>();
  const timer = setInterval(() => {
    if (inFlight.size >= mostAtOnce) return;
    const run = invoke(JSON.stringify(scheduledEvent(ruleName, Date.now())));
    inFlight.add(run);
    void run.finally(() => inFlight.delete(run));
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await Promise.all(inFlight);
  };
}
