/**
 * Time zones whose clocks are all moved by the same length since 1985, in minutes; 0 where they are not moved. Some
 * move them at midnight, forward (a day without midnight) or back (a day with two).
 */
const shifts: Readonly<Record<string, number>> = {
  UTC: 0,
  'Asia/Kolkata': 0,
  'Europe/Berlin': 60,
  'America/New_York': 60,
  'America/St_Johns': 60,
  'America/Havana': 60,
  'America/Asuncion': 60,
  'America/Santiago': 60,
  'Asia/Beirut': 60,
  'Africa/Cairo': 60,
  'Atlantic/Azores': 60,
  'Australia/Adelaide': 60,
  'Pacific/Chatham': 60,
  'Australia/Lord_Howe': 30,
};

export const zoneNames = Object.keys(shifts) as [string, ...string[]];

/** The length by which the clocks of a zone are moved. */
export function shiftMinutes(zone: string): number {
  return shifts[zone] ?? 0;
}
