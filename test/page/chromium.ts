import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** The places in which Debian, Ubuntu, Fedora, Google and macOS install it. */
const usualPlaces = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/**
 * The browser on this machine: the file that the environment variable CHROMIUM names, or the first one in the usual
 * places. Undefined when there is none.
 */
export function findChromium(): string | undefined {
  const named = process.env['CHROMIUM'];
  return named !== undefined && named !== '' ? named : usualPlaces.find((place) => existsSync(place));
}

/** Starts it without a window. A pipe ties it to this process, so that it ends when this process ends in any way. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
}
