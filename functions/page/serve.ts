import { createHash } from 'node:crypto';
import type { Hono } from 'hono';
import { etag } from 'hono/etag';

/**
 * Serves the live page at `/`: one document with everything in it. It asks the API for the data, at addresses relative
 * to its own. Its policy allows nothing from elsewhere. Of scripts and styles it allows only the very ones that the
 * page was built with.
 * @param html the page as `infra/bundle/functions.ts` has built it
 */
export function servePage(app: Hono, html: string): Hono {
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(html, 'script')}`,
    `style-src ${hashOf(html, 'style')}`,
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return app.get('/', etag(), (context) =>
    context.html(html, 200, {
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      // A new version is seen at the next load; until then the answer is a short 304.
      'cache-control': 'no-cache',
    }),
  );
}

/** The source of the one inline element of a kind, by its hash (CSP level 2). */
function hashOf(html: string, element: 'script' | 'style'): string {
  const [, text = ''] = new RegExp(`<${element}>(.*?)</${element}>`, 's').exec(html) ?? [];
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
