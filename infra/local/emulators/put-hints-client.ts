import { type ClientRequest, request } from 'node:http';
import { createInterface } from 'node:readline';
import { type PutHint, putHintsPath } from './kinesis/put-hints.ts';

/** The wait (ms) between a lost connection and the next attempt. */
const reconnectMs = 100;

/**
 * Listens to the hints at Kinesis's port, across restarts of the emulators. `onConnected` means that hints may have
 * been missed before. Returns a function that ends it.
 */
export function followPutHints(port: number, onHint: (hint: PutHint) => void, onConnected: () => void): () => void {
  let current: ClientRequest | undefined;
  let timer: NodeJS.Timeout | undefined;

  function connect(): void {
    let retried = false;
    const retry = (): void => {
      if (!retried && current !== undefined) timer = setTimeout(connect, reconnectMs);
      retried = true;
    };
    current = request({ host: '127.0.0.1', port, path: putHintsPath, agent: false }, (response) => {
      onConnected();
      const lines = createInterface({ input: response });
      lines.on('line', (line) => onHint(JSON.parse(line) as PutHint));
      lines.on('error', retry);
      response.on('error', retry);
      response.on('close', retry);
    });
    current.on('error', retry);
    current.end();
  }

  connect();
  return () => {
    const last = current;
    current = undefined;
    clearTimeout(timer);
    last?.destroy();
  };
}
