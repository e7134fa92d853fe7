/** An emulator, or a tool that it needs, cannot be started or fails. The message names the remedy. */
export class EmulatorError extends Error {
  override readonly name = 'EmulatorError';
}
