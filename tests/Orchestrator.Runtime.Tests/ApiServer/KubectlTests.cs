using System.Text.RegularExpressions;
using Orchestrator.Runtime.Tests.ApiServer.Support;

namespace Orchestrator.Runtime.Tests.ApiServer;

/// <summary>The commonest commands of the real kubectl, on the API server alone: no controller, no node behind it.</summary>
public sealed class KubectlTests(ServerFixture server) : IClassFixture<ServerFixture>
{
    private const string Manifest = """
        apiVersion: v1
        kind: Pod
        metadata: {name: p1, labels: {app: p1}}
        spec:
          containers:
          - name: c
            image: nginx
            ports: [{containerPort: 80}]
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: cm1}
        data: {a: "1"}
        """;

    private const string NodeManifest = """
        apiVersion: v1
        kind: Node
        metadata: {name: kubectl-node, labels: {kubernetes.io/hostname: kubectl-node}}
        """;

    [Fact]
    public async Task The_commonest_commands_say_and_end_as_users_know()
    {
        if (!KubectlRun.IsInstalled)
            return;
        string ns = await server.NewNamespaceAsync();
        using var kubectl = new KubectlRun(server.Server.Address);
        string file = kubectl.Write("pod.yaml", Manifest);
        string changed = kubectl.Write("changed.yaml", Manifest.Replace("a: \"1\"", "a: \"2\"", StringComparison.Ordinal));
        string node = kubectl.Write("node.yaml", NodeManifest);
        string unknown = kubectl.Write(
            "unknown.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {containerz: []}\n");
        var failures = new List<string>();
        int count = 0;

        // What a user types, what comes out (a regular expression over all of it), the exit code.
        await Check("version", "Server Version: v1.33");
        await Check("get ns default", "default +Active");
        await Check("api-resources", "deployments +deploy +apps/v1 +true +Deployment");
        await Check("api-versions", "apps/v1\n");
        await Check("cluster-info", "Kubernetes control plane.* is running at");
        await Check("get --raw /readyz", "^ok$");
        await Check("get pods", "No resources found in test-");
        await Check("get pods nope", "^Error from server \\(NotFound\\): pods \"nope\" not found", 1);
        await Check($"apply -f {file}", "^pod/p1 created\nconfigmap/cm1 created\n$");
        await Check($"apply -f {file}", "^pod/p1 unchanged\nconfigmap/cm1 unchanged\n$");
        await Check($"diff -f {changed}", "\\+  a: \"2\"", 1);
        await Check($"diff -f {file}", "^$");
        await Check($"apply -f {changed}", "^pod/p1 unchanged\nconfigmap/cm1 configured\n$");
        await Check($"apply --dry-run=server -f {file}", "configmap/cm1 configured \\(server dry run\\)");
        await Check($"apply --server-side --force-conflicts -f {changed}", "^pod/p1 serverside-applied\n");
        await Check($"create -f {unknown}", "strict decoding error: unknown field \"spec.containerz\"", 1);
        await Check("get pods", "NAME +READY +STATUS +RESTARTS +AGE\np1 +0/1 +Pending +0 ");
        await Check("get pods -o wide", "NOMINATED NODE");
        await Check("get pods -o name", "^pod/p1\n$");
        await Check("get pods -o jsonpath={.items[*].metadata.name}", "^p1$");
        await Check("get pods --sort-by=.metadata.name", "p1 ");
        await Check("get pods -l app=p1 --no-headers", "^p1 ");
        await Check("get pods --field-selector=status.phase=Running", "No resources found");
        await Check("get pods -o custom-columns=N:.metadata.name", "^N\np1\n$");
        await Check("get cm cm1 -o yaml", "\n  a: \"2\"\n");
        await Check("describe pod p1", "Name: +p1\n");
        await Check("describe cm cm1", "a:\n----\n2\n");
        await Check("label pod p1 x=y", "^pod/p1 labeled\n$");
        await Check("label pod p1 x=z", "already has a value", 1);
        await Check("annotate pod p1 note=text", "^pod/p1 annotated\n$");
        await Check("create deployment web --image=nginx --replicas=3", "^deployment.apps/web created\n$");
        await Check("get deploy web", "web +0/3 +0 +0 ");
        await Check("scale deploy web --replicas=5", "^deployment.apps/web scaled\n$");
        await Check("scale deploy web --current-replicas=5 --replicas=4", "^deployment.apps/web scaled\n$");
        await Check("scale deploy web --current-replicas=9 --replicas=4", "Expected replicas to be 9, was 4", 1);
        await Check("set image deploy/web nginx=nginx:1.27", "^deployment.apps/web image updated\n$");
        await Check("set env deploy/web A=B", "^deployment.apps/web env updated\n$");
        await Check("set resources deploy/web --limits=cpu=200m", "^deployment.apps/web resource requirements updated\n$");
        await Check("rollout pause deploy/web", "^deployment.apps/web paused\n$");
        await Check("rollout resume deploy/web", "^deployment.apps/web resumed\n$");
        await Check("rollout restart deploy/web", "^deployment.apps/web restarted\n$");
        await Check("rollout history deploy/web", "No rollout history found");
        await Check("""patch deploy web -p {"spec":{"replicas":1}}""", "^deployment.apps/web patched\n$");
        await Check("""patch deploy web --type=json -p [{"op":"replace","path":"/spec/replicas","value":2}]""", "patched\n$");
        await Check("""patch deploy web --type=merge -p {"spec":{"replicas":3}}""", "patched\n$");
        await Check("wait --for=jsonpath={.spec.replicas}=3 deploy/web --timeout=20s", "condition met");
        await Check("autoscale deploy web --min=1 --max=5 --cpu-percent=50", "autoscaled\n$");
        await Check("get hpa", "web +Deployment/web ");
        await Check("expose deploy web --port=80", "^service/web exposed\n$");
        await Check("get svc web", "web +ClusterIP +10\\.96\\.\\d+\\.\\d+ +<none> +80/TCP ");
        await Check("describe svc web", "Selector: +app=web");
        await Check("create cm c2 --from-literal=a=b", "^configmap/c2 created\n$");
        await Check("create cm c2 --from-literal=a=b", "configmaps \"c2\" already exists", 1);
        await Check("create secret generic s1 --from-literal=a=b", "^secret/s1 created\n$");
        await Check("get secret s1 -o jsonpath={.data.a}", "^Yg==$");
        await Check("create job j1 --image=busybox", "^job.batch/j1 created\n$");
        await Check("create cronjob cj1 --image=busybox --schedule=@daily", "^cronjob.batch/cj1 created\n$");
        await Check("create sa sa1", "^serviceaccount/sa1 created\n$");
        await Check("create role r1 --verb=get --resource=pods", "^role.rbac.authorization.k8s.io/r1 created\n$");
        await Check("create rolebinding rb1 --role=r1 --serviceaccount=default:sa1", "rolebinding.rbac.authorization.k8s.io/rb1 created");
        await Check("create quota q1 --hard=pods=30", "^resourcequota/q1 created\n$");
        await Check("create pdb b1 --selector=app=web --min-available=1", "^poddisruptionbudget.policy/b1 created\n$");
        await Check("create ingress i1 --rule=foo/bar=svc:80", "^ingress.networking.k8s.io/i1 created\n$");
        await Check("create service nodeport np1 --tcp=80", "^service/np1 created\n$");
        await Check("run r1 --image=nginx", "^pod/r1 created\n$");
        await Check($"create -f {node}", "^node/kubectl-node created\n$");
        await Check("taint nodes kubectl-node a=b:NoSchedule", "^node/kubectl-node tainted\n$");
        await Check("cordon kubectl-node", "^node/kubectl-node cordoned\n$");
        await Check("get node kubectl-node", "SchedulingDisabled");
        await Check("uncordon kubectl-node", "^node/kubectl-node uncordoned\n$");
        await Check("drain kubectl-node --ignore-daemonsets", "drained\n$");
        await Check("describe node kubectl-node", "Taints: +a=b:NoSchedule");
        await Check($"replace -f {node}", "^node/kubectl-node replaced\n$");
        await Check("events", "No events found");
        await Check("explain deploy.spec.strategy", "FIELD: strategy <DeploymentStrategy>");
        await Check("get all", "deployment.apps/web");
        await Check("delete pod p1 --now", "pod \"p1\" deleted");
        await Check("delete cm cm1 c2", "configmap \"cm1\" deleted\nconfigmap \"c2\" deleted\n");
        await Check("delete deploy web --cascade=orphan --wait=false", "deployment.apps \"web\" deleted\n");
        await Check("get deploy web -o jsonpath={.metadata.finalizers}", "\\[\"orphan\"\\]");
        await Check("delete pods --all", "pod \"r1\" deleted\n");
        await Check("delete node kubectl-node", "node \"kubectl-node\" deleted\n");
        await Check("delete secret nope", "secrets \"nope\" not found", 1);
        await Check("delete secret nope --ignore-not-found", "^$");

        Assert.True(failures.Count == 0, $"{failures.Count} of {count} commands:\n{string.Join("\n", failures)}");

        async Task Check(string command, string expected, int code = 0)
        {
            count++;
            var (found, output) = await kubectl.RunAsync([.. command.Split(' '), "-n", ns]);
            if (found != code || !Regex.IsMatch(output, expected))
                failures.Add($"kubectl {command}\n  exit {found}, expected {code}; expected /{expected}/, found:\n{output}");
        }
    }
}
