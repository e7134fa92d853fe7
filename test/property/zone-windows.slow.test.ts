import { oddZones, testZones } from './zone-windows.ts';

testZones(oddZones, 1);
testZones(
  Intl.supportedValuesOf('timeZone').filter((zone) => !oddZones.includes(zone)),
  3,
);
