import { optionalPackage } from '../program/optional-package.ts';

/** The client of Kafka, an optional peer. @throws TidemarkError with the command that installs it */
export function kafkaClient() {
  return optionalPackage('@platformatic/kafka', 'a topic of Kafka', () => import('@platformatic/kafka'));
}
