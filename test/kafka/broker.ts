import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';
import type { TestProject } from 'vitest/node';
import { findPackageRoot } from '../../infra/bundle/package-root.ts';
import { type Attached, runAttached, startAttached } from '../../infra/emulators/attached.ts';
import { freePorts } from '../../infra/emulators/free-port.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The address of the broker, `host:port`. */
    broker: string;
  }
}

/** The number of attempts to start: a port that was free a moment ago may be taken by the time the broker listens. */
const attempts = 3;
/** The interval (ms) at which the broker is asked whether it answers, and the limit of the wait. */
const againAfterMs = 100;
const startWithinMs = 60_000;

/** Settings for a small and quick broker: one machine, no replication, no waiting for others. */
const settings = (folder: string, port: number, controller: number) => `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${join(folder, 'data')}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
`;

/**
 * Starts a broker in a folder of its own. The broker ends when these tests end, in whatever way, and its folder is
 * removed then.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  for (let attempt = 1; ; attempt++) {
    const { address, broker } = await start();
    if (await answers(address, broker)) {
      project.provide('broker', address);
      return () => broker.stop();
    }
    const said = broker.output();
    await broker.stop();
    if (attempt === attempts) throw new Error(`the broker does not start: ${said}`);
  }
}

async function start(): Promise<{ readonly address: string; readonly broker: Attached }> {
  const root = findPackageRoot();
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-kafka-'));
  const [port = 0, controller = 0] = await freePorts(2);
  const file = join(folder, 'server.properties');
  // The bytes of a UUID. The A comes first because a leading hyphen would be taken for an option.
  const clusterId = `A${randomBytes(16).toString('base64url').slice(1)}`;
  mkdirSync(join(folder, 'data'));
  writeFileSync(file, settings(folder, port, controller));
  const { PATH = '', TIDEMARK_KAFKA_JARS: jars = '' } = process.env;
  // The first compiler only: nothing here runs for long.
  const java = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', join(jars, '*')];
  const command = { root, command: 'java', environment: { PATH }, folder };
  try {
    await runAttached({
      ...command,
      args: [...java, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file],
    });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const broker = startAttached({ ...command, args: [...java, 'kafka.Kafka', file], removes: folder });
  return { address: `127.0.0.1:${port}`, broker };
}

async function answers(address: string, broker: Attached): Promise<boolean> {
  const deadlineMs = performance.now() + startWithinMs;
  while (!broker.hasEnded() && performance.now() < deadlineMs) {
    const admin = new Admin({
      clientId: 'tests',
      bootstrapBrokers: [address],
      retries: 0,
      connectTimeout: 1_000,
      timeout: 2_000,
    });
    try {
      await admin.metadata({ topics: [] });
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, againAfterMs));
    } finally {
      await admin.close();
    }
  }
  return false;
}
