using System.CommandLine;
using Orchestrator.Benchmark;

var nodes = new Option<int>("--nodes") { Description = "Hollow nodes of 'pods'", DefaultValueFactory = _ => 1000 };
var pods = new Option<int>("--pods") { Description = "Pods of 'pods'", DefaultValueFactory = _ => 10_000 };
var deployments = new Option<int>("--deployments") { Description = "Deployments of 'pods'", DefaultValueFactory = _ => 100 };
var watchers = new Option<int>("--watchers") { Description = "Watchers of 'watchers'", DefaultValueFactory = _ => 5000 };
var connections = new Option<int>("--connections") { Description = "Connections of 'watchers'", DefaultValueFactory = _ => 100 };
var apart = new Option<bool>("--apart") { Description = "Run the parts of 'pods' as processes of their own, and print the memory of each" };
var services = new Option<int>("--services") { Description = "Services of 'dns'", DefaultValueFactory = _ => 1000 };
var workloads = new Argument<string[]>("WORKLOAD")
{
    Description = "start, watchers, pods, scheduler, dns, proxy (root), node (root and containerd), burst (of node, many pods at once alone); all but the last three when none is given",
    Arity = ArgumentArity.ZeroOrMore,
};
workloads.AcceptOnlyFromAmong("start", "watchers", "pods", "scheduler", "dns", "proxy", "node", NodeWorkload.Burst, DnsWorkload.ServerWord, NodeWorkload.InsideWord);
var root = new RootCommand("Measures a cluster over HTTPS, as clients see it. The exit code is 1 when a floor is missed.")
{
    workloads, nodes, pods, deployments, apart, watchers, connections, services,
};
root.SetAction(async (result, _) =>
{
    string[] chosen = result.GetValue(workloads) is { Length: > 0 } given ? given : ["start", "watchers", "pods", "scheduler", "dns"];
    if (chosen is [DnsWorkload.ServerWord])
        return await DnsWorkload.ServeAsync(result.GetValue(services));
    if (chosen is [NodeWorkload.InsideWord, var part])
        return await NodeWorkload.RunInsideAsync(part) ? 0 : 1;
    bool isReached = true;
    foreach (string workload in chosen)
    {
        Console.WriteLine($"== {workload}");
        isReached &= workload switch
        {
            "pods" => await PodsWorkload.RunAsync(result.GetValue(nodes), result.GetValue(pods), result.GetValue(deployments), result.GetValue(apart)),
            "watchers" => await WatchersWorkload.RunAsync(result.GetValue(watchers), result.GetValue(connections), changes: 150, changesPerSecond: 5),
            "scheduler" => SchedulerWorkload.Run(),
            "dns" => await DnsWorkload.RunAsync(result.GetValue(services)),
            "proxy" => await ProxyWorkload.RunAsync(),
            "node" or NodeWorkload.Burst => await NodeWorkload.RunAsync(workload),
            _ => await StartWorkload.RunAsync(),
        };
    }
    return isReached ? 0 : 1;
});
return await root.Parse(args).InvokeAsync();
