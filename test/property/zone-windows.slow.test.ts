import { oddZones, testZones } from './zone-windows.ts';

testZones([...new Set([...oddZones, ...Intl.supportedValuesOf('timeZone')])], 1);
