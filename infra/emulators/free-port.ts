import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/**
 * Different ports of 127.0.0.1 that are free now, for programs that do not take port 0. Another program may take one
 * before they do.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  // All are held until the last is known, so that no two are equal.
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** One port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port ?? 0;
}
