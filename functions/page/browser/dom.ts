/** The attributes of an element. Text sets one, true sets it empty, false and undefined leave it out. */
export type ElementAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * An element with attributes and children. Text goes in as text, never as markup: anybody may have written keys and
 * payloads.
 */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: ElementAttributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children);
  return made;
}

/**
 * The element of `index.html` with an id.
 * @throws Error when the page has none of that kind: a mistake in the page itself
 */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

/**
 * Sets styles that a style sheet cannot know. It uses the object model, because the page's policy allows no style
 * attributes.
 */
export function styled<Kind extends HTMLElement>(made: Kind, properties: Readonly<Record<string, string>>): Kind {
  for (const [name, value] of Object.entries(properties)) made.style.setProperty(name, value);
  return made;
}

/**
 * Replaces an element's children, unless they would look the same. So focus, selection and scroll stay where nothing
 * has changed.
 */
export function replace(parent: HTMLElement, ...children: readonly HTMLElement[]): void {
  const same =
    parent.children.length === children.length && children.every((child, i) => parent.children[i]?.isEqualNode(child));
  if (!same) parent.replaceChildren(...children);
}

/** A button that is either pressed or not, in a list. */
export function toggle(pressed: boolean, onClick: () => void, ...children: readonly (Node | string)[]): HTMLLIElement {
  const button = element('button', { type: 'button', 'aria-pressed': String(pressed) }, ...children);
  button.addEventListener('click', onClick);
  return element('li', {}, button);
}
