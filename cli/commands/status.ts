import { isoTime } from '../../functions/core/event-time.ts';
import { apiOptions, openApi } from '../api-options.ts';
import { defineCommand, flag } from '../command.ts';
import { conservationLine } from '../result-table.ts';
import { formatTable } from '../table.ts';

export default defineCommand({
  description: 'Prints the watermark, the shards and which of them holds it back, and the conservation counters, from the query API.',
  options: { ...apiOptions, json: flag('print one JSON object') },
  examples: [['tidemark status --port 4500', 'how far the stream has come']],
  async run({ options, process }) {
    const api = openApi(options);
    const [watermark, conservation] = await Promise.all([api.watermark(), api.conservation()]);
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ watermark, conservation })}\n`);
    } else {
      const { heldBy } = watermark;
      process.stdout.write(
        `watermark ${time(watermark.watermark)}${heldBy === null ? '' : `, held by ${heldBy}`}; final through ${time(watermark.finalizedThrough)}\n`,
      );
      const columns = [{ heading: 'shard' }, { heading: 'state' }, { heading: 'max event time' }, { heading: 'watermark' }];
      process.stdout.write(
        `${formatTable(
          columns,
          watermark.shards.map((shard) => [shard.shardId, shard.state, time(shard.maxEventTime), time(shard.watermark)]),
        )}\n`,
      );
      process.stdout.write(`${conservationLine(conservation)}\n`);
    }
    return conservation.holds ? 0 : 1;
  },
});

function time(ms: number | null): string {
  return ms === null ? 'none yet' : isoTime(ms);
}
