/** The one account and region of the embedded AWS; they appear in ARNs only. */
export const region = 'us-east-1';
export const accountId = '000000000000';

/** The ARN of a resource in the embedded AWS. */
export function arnOf(service: string, resource: string): string {
  return `arn:aws:${service}:${region}:${accountId}:${resource}`;
}
