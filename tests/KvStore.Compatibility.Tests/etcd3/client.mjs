// Uses etcd3, a client in wide use, through its own API and prints what it got, one step a line.
//
//     node client.mjs HOST:PORT
//
// The compatibility tests run it against etcd and against ours. Nothing here waits for the clock: only for events.
import { once } from 'node:events';
import { Etcd3, EtcdLockFailedError, Range } from 'etcd3';

const client = new Etcd3({ hosts: `http://${process.argv[2]}` });

function show(step, value) {
  console.log(`${step}: ${JSON.stringify(value)}`);
}

async function refusal(work) {
  try {
    return { ok: await work() };
  } catch (error) {
    // Not the ids, which the server chose.
    return { error: error.constructor.name, message: error.message.replace(/\d{6,}/g, 'ID') };
  }
}

function event(watcher, name) {
  return once(watcher, name).then(([first, previous]) => ({ first, previous }));
}

async function putAndGet() {
  await client.put('greeting').value('hello');
  show('get', await client.get('greeting'));
  show('get nothing', await client.get('nothing'));
  show('exists', [await client.get('greeting').exists(), await client.get('nothing').exists()]);
  await client.put('number').value(42);
  show('number', await client.get('number').number());
  await client.put('object').value(JSON.stringify({ a: [1, 2] }));
  show('json', await client.get('object').json());
  await client.put('bytes').value(Buffer.from([0, 1, 254, 255]));
  show('buffer', (await client.get('bytes').buffer()).toString('hex'));
  const replaced = await client.put('greeting').value('bye').getPrevious();
  show('previous', { value: replaced.value.toString(), version: replaced.version });
  await client.put('greeting').touch();
  show('touched', await client.get('greeting').string());
}

async function ranges() {
  const ns = client.namespace('fruit/');
  for (const name of ['pear', 'apple', 'fig', 'cherry']) {
    await ns.put(name).value(name.length);
  }
  show('all', await ns.getAll().strings());
  show('keys', await client.getAll().prefix('fruit/').keys());
  show('count', await ns.getAll().count());
  show('limit', await ns.getAll().limit(2).keys());
  show('descending', await ns.getAll().sort('Key', 'Descend').keys());
  show('by creation', await ns.getAll().sort('Create', 'Ascend').keys());
  show('by value', await ns.getAll().sort('Value', 'Descend').limit(1).numbers());
  show('in range', await client.getAll().inRange(new Range('fruit/b', 'fruit/g')).keys());
  show('delete previous', (await ns.delete().key('fig').getPrevious()).map((kv) => kv.value.toString()));
  show('delete range', (await ns.delete().range(new Range('a', 'd'))).deleted);
  show('left', await ns.getAll().strings());
  show('delete all', (await ns.delete().all()).deleted);
}

async function transactions() {
  await client.put('balance').value(10);
  const paid = await client
    .if('balance', 'Value', '==', '10')
    .then(client.put('balance').value(7), client.get('balance'))
    .else(client.get('balance'))
    .commit();
  show('paid', { succeeded: paid.succeeded, read: paid.responses[1].response_range.kvs[0].value.toString() });
  const again = await client.if('balance', 'Value', '==', '10').then(client.delete().key('balance')).commit();
  show('again', again.succeeded);
  const created = await client.if('fresh', 'Create', '==', 0).then(client.put('fresh').value('made')).commit();
  show('created', created.succeeded);
  await client.stm().transact(async (tx) => {
    const balance = await tx.get('balance').number();
    await tx.put('balance').value(balance * 2);
  });
  show('doubled', await client.get('balance').number());
}

async function watches() {
  const watcher = await client.watch().prefix('seen/').withPreviousKV().create();
  let change = event(watcher, 'put');
  await client.put('seen/a').value('1');
  let { first, previous } = await change;
  show('put', { key: first.key.toString(), value: first.value.toString(), version: first.version, previous: previous?.value?.toString() });
  change = event(watcher, 'put');
  await client.put('seen/a').value('2');
  ({ first, previous } = await change);
  show('put again', { value: first.value.toString(), version: first.version, previous: previous?.value?.toString() });
  const revision = first.mod_revision;
  change = event(watcher, 'delete');
  await client.delete().key('seen/a');
  ({ first, previous } = await change);
  show('delete', { key: first.key.toString(), value: first.value.toString(), previous: previous?.value?.toString() });
  await watcher.cancel();

  const late = client.watch().key('seen/a').startRevision(revision);
  const history = [];
  const replayed = await late.watcher();
  const whole = new Promise((resolve) => {
    for (const kind of ['put', 'delete']) {
      replayed.on(kind, (kv) => {
        history.push(`${kind} ${kv.value.toString()}`);
        if (history.length === 2) {
          resolve();
        }
      });
    }
  });
  await whole;
  show('history', history);
  await replayed.cancel();
}

async function leases() {
  const lease = client.lease(60);
  const id = await lease.grant();
  show('granted', id.length > 0);
  await lease.put('leased').value('1');
  show('leased', await client.get('leased').string());
  const renewal = await lease.keepaliveOnce();
  show('renewed', renewal.TTL);
  const alive = await client.leaseClient.leaseTimeToLive({ ID: id, keys: true });
  show('keys', { granted: alive.grantedTTL, keys: alive.keys.map((key) => key.toString()) });
  await lease.revoke();
  show('revoked', await client.get('leased').string());
  const lost = client.lease(60);
  const lostId = await lost.grant();
  const isLost = event(lost, 'lost');
  await client.leaseClient.leaseRevoke({ ID: lostId });
  show('renewing a lost lease', await refusal(() => lost.keepaliveOnce()));
  show('lost', (await isLost).first.constructor.name);
}

async function locks() {
  const first = client.lock('mutex');
  await first.acquire();
  show('second', (await refusal(() => client.lock('mutex').acquire())).error === EtcdLockFailedError.name);
  await first.release();
  show('after release', await client.lock('mutex').do(async () => 'held'));
  let inside = 0;
  let most = 0;
  let rounds = 0;
  const worker = async () => {
    for (let done = 0; done < 5;) {
      const lock = client.lock('counter');
      if ((await refusal(() => lock.acquire())).error) {
        continue;
      }
      most = Math.max(most, ++inside);
      await client.put('counter/value').value(++rounds);
      inside--;
      await lock.release();
      done++;
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  show('one at a time', { most, rounds, value: await client.get('counter/value').number() });
}

async function elections() {
  const election = client.election('seat', 60);
  const campaign = election.campaign('first');
  await once(campaign, 'elected');
  show('leader', await election.leader());
  await campaign.proclaim('first again');
  show('leader', await election.leader());
  await campaign.resign();
  show('nobody', (await election.leader()) ?? null);
}

async function refusals() {
  show('compacted', await refusal(async () => {
    const { header } = await client.kv.range({ key: Buffer.from('greeting') });
    await client.kv.compact({ revision: header.revision });
    return client.get('greeting').revision(2).string();
  }));
  show('future', await refusal(() => client.get('greeting').revision(1_000_000).string()));
  show('no lease', await refusal(() => client.put('greeting').value('x').lease(404)));
  show('no key', await refusal(() => client.put('').value('x')));
  show('member', (await client.cluster.memberList({})).members.map((member) => member.name));
  show('status', Object.keys(await client.maintenance.status()).includes('version'));
}

for (const step of [putAndGet, ranges, transactions, watches, leases, locks, elections, refusals]) {
  console.log(`# ${step.name}`);
  await step();
}
client.close();
