import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** PEM text of a key and its certificate. */
export interface KeyPair {
  key: string;
  cert: string;
}

/** A certificate authority of its own, and a server (`localhost`, 127.0.0.1) and a client it vouches for. */
export interface Certificates {
  ca: string;
  server: KeyPair;
  client: KeyPair;
}

/** Makes certificates for one test with the `openssl` program; `null` where there is none. They last two days. */
export async function makeCertificates(): Promise<Certificates | null> {
  const folder = await mkdtemp(join(tmpdir(), 'kazoo-certificates-'));
  try {
    const authority = ['-x509', '-subj', '/CN=Kazoo test authority', '-out', 'ca.pem', '-keyout', 'ca.key'];
    await openssl(folder, ['req', ...NEW_KEY, ...authority, '-days', '2']);
    const [server, client] = [await issue(folder, 'server', '/CN=localhost'), await issue(folder, 'client', '/CN=kazoo client')];
    return { ca: await readFile(join(folder, 'ca.pem'), 'utf8'), server, client };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const NEW_KEY = ['-newkey', 'rsa:2048', '-nodes'];

async function issue(folder: string, name: string, subject: string): Promise<KeyPair> {
  await writeFile(join(folder, 'san.cnf'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  await openssl(folder, ['req', ...NEW_KEY, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`]);
  const signing = ['-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'san.cnf'];
  await openssl(folder, ['x509', '-req', ...signing, '-days', '2', '-out', `${name}.pem`]);
  const [key, cert] = await Promise.all([`${name}.key`, `${name}.pem`].map((file) => readFile(join(folder, file), 'utf8')));
  return { key: key!, cert: cert! };
}

async function openssl(folder: string, args: string[]): Promise<void> {
  await run('openssl', args, { cwd: folder });
}
