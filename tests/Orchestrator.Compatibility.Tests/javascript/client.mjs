// The JavaScript client against a cluster: create, read, change, watch, informer, exec, delete. Prints one line for each thing that is so.
import * as k8s from '@kubernetes/client-node';
import { PassThrough } from 'node:stream';

const namespace = process.env.NAMESPACE;
const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);

function say(line) {
    console.log(line);
}

async function until(what, condition) {
    const end = Date.now() + 60_000;
    while (Date.now() < end) {
        const found = await condition();
        if (found) {
            return found;
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`never came: ${what}`);
}

// An informer sees what is there, what comes, changes and goes.
const seen = { add: [], update: [], delete: [] };
const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () => core.listNamespacedConfigMap({ namespace }));
for (const verb of Object.keys(seen)) {
    informer.on(verb, (object) => seen[verb].push(object.metadata.name));
}
let isStopping = false;
informer.on('error', (error) => { if (!isStopping) say(`informer: ${error}`); });
await informer.start();

const created = await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'js' }, data: { a: '1' } } });
say(`created ${created.metadata.name} ${created.data.a}`);
const read = await core.readNamespacedConfigMap({ namespace, name: 'js' });
read.data.a = '2';
const replaced = await core.replaceNamespacedConfigMap({ namespace, name: 'js', body: read });
say(`replaced ${replaced.data.a}, another version: ${replaced.metadata.resourceVersion !== created.metadata.resourceVersion}`);
try {
    created.data.a = '3';
    await core.replaceNamespacedConfigMap({ namespace, name: 'js', body: created });
} catch (error) {
    say(`stale write: ${error.code}`);
}
const patched = await core.patchNamespacedConfigMap(
    { namespace, name: 'js', body: { data: { b: 'x' } } },
    k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch));
say(`patched ${patched.data.a} ${patched.data.b}`);
await core.deleteNamespacedConfigMap({ namespace, name: 'js' });
await until('the informer saw the deletion', () => seen.delete.includes('js'));
say(`informer saw js: add ${seen.add.includes('js')}, update ${seen.update.includes('js')}, delete ${seen.delete.includes('js')}`);
isStopping = true;
await informer.stop();
try {
    await core.readNamespacedConfigMap({ namespace, name: 'js' });
} catch (error) {
    say(`read after delete: ${error.code}`);
}

// A watch from a list's version on.
const list = await core.listNamespacedPod({ namespace });
const events = [];
const watch = new k8s.Watch(config);
const request = await watch.watch(`/api/v1/namespaces/${namespace}/pods`, { resourceVersion: list.metadata.resourceVersion },
    (type, pod) => events.push(`${type} ${pod.metadata.name}`), () => {});

const pod = await core.createNamespacedPod({ namespace, body: { metadata: { name: 'js' }, spec: { containers: [{ name: 'c', image: 'nginx' }] } } });
say(`defaulted ${pod.spec.restartPolicy} ${pod.spec.containers[0].imagePullPolicy}`);
await until('the pod is ready', async () => {
    const now = await core.readNamespacedPod({ namespace, name: 'js' });
    return now.status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
});
await until('the watch saw the pod', () => events.includes('ADDED js') && events.includes('MODIFIED js'));
request.abort();
say('watched ADDED and MODIFIED');

// Commands in the pod, with output, input and exit codes.
async function exec(command, input) {
    const output = new PassThrough();
    let text = '';
    output.on('data', (chunk) => { text += chunk; });
    const status = await new Promise((resolve, reject) => {
        new k8s.Exec(config).exec(namespace, 'js', 'c', command, output, process.stderr, input, false, resolve).catch(reject);
    });
    return { text, status };
}
const echo = await exec(['echo', 'hello', 'world'], null);
say(`exec: ${echo.text.trim()} ${echo.status.status}`);
const failing = await exec(['sh', '-c', 'exit 5'], null);
say(`exec: ${failing.status.status} ${failing.status.details?.causes?.[0]?.message}`);
const input = new PassThrough();
input.end('through the pipe\n');
const cat = await exec(['cat'], input);
say(`exec with input: ${cat.text.trim()}`);

const logs = await core.readNamespacedPodLog({ namespace, name: 'js' });
say(`logs: ${logs.length > 0}`);
await core.deleteNamespacedPod({ namespace, name: 'js', gracePeriodSeconds: 0 });
await until('the pod is gone', async () => {
    try {
        await core.readNamespacedPod({ namespace, name: 'js' });
        return false;
    } catch (error) {
        return error.code === 404;
    }
});
say('pod gone');

const deployment = await apps.createNamespacedDeployment({ namespace, body: {
    metadata: { name: 'js' },
    spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'js' } },
        template: { metadata: { labels: { app: 'js' } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } },
    },
} });
say(`deployment of ${deployment.spec.replicas}`);
await until('the deployment is available', async () => (await apps.readNamespacedDeployment({ namespace, name: 'js' })).status.availableReplicas === 2);
await apps.deleteNamespacedDeployment({ namespace, name: 'js' });
await until('its pods are gone', async () => (await core.listNamespacedPod({ namespace, labelSelector: 'app=js' })).items.length === 0);
say('deployment gone with its pods');
process.exit(0);
