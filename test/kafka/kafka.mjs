// npm run test:kafka: the suite that needs a broker, Apache Kafka in KRaft mode, whose jars come from Maven Central
// once and are kept in .tidemark/kafka. The client comes with npm ci, where Node is new enough for it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const version = '4.1.0';
const root = path.join(import.meta.dirname, '..', '..');
const cache = path.join(root, '.tidemark', 'kafka');
const jars = path.join(cache, version);

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tidemark</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`;

function skip(reason) {
  process.stdout.write(`skipped: ${reason}\n`);
  process.exit(0);
}

/** The major version of Java; 0 without one. */
function javaVersion() {
  const { stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  return Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0);
}

if (!existsSync(path.join(root, 'node_modules', '@platformatic', 'kafka')))
  skip('needs the Kafka client: npm ci under Node 22.19 or newer');
if (javaVersion() < 17) skip('needs Java and Maven (Java 17 or newer)');
if (!existsSync(jars)) {
  if (spawnSync('mvn', ['-v']).status !== 0) skip('needs Java and Maven');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, 'new-'));
  writeFileSync(path.join(folder, 'pom.xml'), pom);
  const copy = [
    '-q',
    '-B',
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${path.join(folder, 'jars')}`,
  ];
  const { status, stdout } = spawnSync('mvn', copy, { cwd: folder, encoding: 'utf8' });
  const line = (stdout ?? '').split('\n').find((each) => each.includes('[ERROR]')) ?? '';
  if (status === 0 && !existsSync(jars)) renameSync(path.join(folder, 'jars'), jars);
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0) skip(`needs Java and Maven, and Maven Central (${line.slice(0, 200)})`);
}
const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
const args = [vitest, 'run', '--config', 'test/kafka/vitest.config.ts', ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, TIDEMARK_KAFKA_JARS: jars },
});
process.exit(status ?? 1);
