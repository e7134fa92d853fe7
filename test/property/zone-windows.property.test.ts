import { oddZones, testZones } from './zone-windows.ts';

/** One zone in so many is tried. `npm run test:slow` tries every zone of the database. */
const oneIn = 40;
testZones([...new Set([...oddZones, ...Intl.supportedValuesOf('timeZone').filter((_, at) => at % oneIn === 0)])], 5);
