import { element, replace } from './dom.ts';
import type { Guide } from './guide.ts';

/** Draws a guide: each command in a line of its own, with a button that copies it. */
export function drawGuide(place: HTMLElement, { text, commands }: Guide): void {
  const items = commands.map(([what, command]) =>
    element(
      'li',
      {},
      element('span', { class: 'help' }, what),
      element('code', { class: 'command' }, command),
      element('button', { type: 'button', 'data-copy': command, 'aria-label': `Copy: ${command}` }, 'Copy'),
    ),
  );
  replace(place, element('p', {}, text), element('ol', { class: 'guide' }, ...items));
  for (const button of place.querySelectorAll<HTMLButtonElement>('[data-copy]'))
    button.onclick = () => void copy(button);
}

/** Copies a command, where the browser lets pages do so: on this machine, and over https. */
async function copy(button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? '');
    button.textContent = 'Copied';
  } catch {
    const command = button.previousElementSibling;
    if (command !== null) getSelection()?.selectAllChildren(command);
  }
}
