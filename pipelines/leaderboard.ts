import { approxCountDistinct, argMax, count, definePipeline, topK, tumbling } from 'tidemark';
import * as z from 'zod';

/**
 * A game's leaderboard: in every hour the players who win most often, the player with the best score, and how many
 * play.
 */
export default definePipeline({
  name: 'leaderboard',
  event: z.object({ time: z.iso.datetime(), game: z.string(), winner: z.string(), points: z.number() }),
  eventTime: (event) => event.time,
  watermark: { delay: '5 minutes' },
  queries: {
    winnersByHour: {
      groupBy: ['game'],
      window: tumbling('1 hour'),
      aggregates: {
        rounds: count(),
        winners: topK('winner', 3),
        bestPlayer: argMax('winner', 'points'),
        players: approxCountDistinct('winner'),
      },
    },
  },
});
