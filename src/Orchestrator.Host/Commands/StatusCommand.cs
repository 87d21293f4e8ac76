using System.CommandLine;
using System.Text.Json;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Security.Kubeconfigs;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator status</c>: minikube's lines, and its exit code by bits: 1 the host, 2 the cluster, 4 the kubeconfig.</summary>
internal static class StatusCommand
{
    private const int HostIsDown = 1;
    private const int ClusterIsDown = 2;
    private const int KubeconfigIsWrong = 4;

    public static Command Create()
    {
        var profileOption = CommonOptions.Profile();
        var output = new Option<string>("--output", "-o") { Description = "text or json", DefaultValueFactory = _ => "text", HelpName = "FORMAT" };
        output.AcceptOnlyFromAmong("text", "json");
        var command = new Command("status", "Show whether a cluster runs. The exit code adds 1 (host), 2 (cluster) and 4 (kubeconfig) for what is not as it should be.")
        {
            profileOption, output,
        };
        CommonOptions.SetAction(command, async (result, cancellation) =>
            await RunAsync(CommonOptions.ExistingProfile(result.GetValue(profileOption)!), result.GetValue(output) == "json", cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Profile profile, bool asJson, CancellationToken cancellation)
    {
        var settings = ProfileSettings.Load(profile)!;
        bool isRunning = ProfileLock.Holder(profile) is not null;
        if (settings.AgentOf is { } server)
            return ShowAgent(profile, server, isRunning, asJson);
        using var probe = new ClusterProbe(profile, settings.ApiAddress);
        var state = isRunning ? await probe.LookAsync(cancellation) : ClusterState.Silent;
        bool isConfigured = KubeconfigPaths.All().Any(file => ServerIn(file, profile) == settings.ApiAddress.GetLeftPart(UriPartial.Authority));
        string host = isRunning ? "Running" : "Stopped";
        string kubelet = !isRunning ? "Stopped" : state.ReadyNodes > 0 ? "Running" : "Error";
        string apiServer = !isRunning ? "Stopped" : state.ApiServerIsReady ? "Running" : "Error";
        string kubeconfig = isConfigured ? "Configured" : "Misconfigured";
        if (asJson)
        {
            Console.WriteLine(JsonSerializer.Serialize(new StatusLines(profile.Name, host, kubelet, apiServer, kubeconfig, state.Nodes, state.ReadyNodes, state.FailedChecks),
                StatusJson.Default.StatusLines));
        }
        else
        {
            Console.WriteLine($"{profile.Name}\ntype: Control Plane\nhost: {host}\nkubelet: {kubelet}\napiserver: {apiServer}\nkubeconfig: {kubeconfig}");
            if (state.FailedChecks.Count > 0)
                Console.WriteLine($"failed checks: {string.Join(", ", state.FailedChecks)}");
            if (state.FailedChecks.Contains("etcd"))
                Console.WriteLine($"\nThe store does not answer{At(settings)}; the cluster goes on by itself when it is back.");
            if (state.Nodes > 0)
                Console.WriteLine($"nodes: {state.ReadyNodes} of {state.Nodes} Ready");
            if (!isConfigured)
                Console.WriteLine($"\nThe kubeconfig does not name this cluster's address: run 'orchestrator start --profile {profile.Name}'.");
        }
        return (isRunning ? 0 : HostIsDown) | (kubelet == "Running" && apiServer == "Running" ? 0 : ClusterIsDown) | (isConfigured ? 0 : KubeconfigIsWrong);
    }

    /// <summary>Of a further node its machine knows no more than whether it runs: the cluster is elsewhere.</summary>
    private static int ShowAgent(Profile profile, string server, bool isRunning, bool asJson)
    {
        string state = isRunning ? "Running" : "Stopped";
        if (asJson)
            Console.WriteLine(JsonSerializer.Serialize(new AgentLines(profile.Name, state, state, server), StatusJson.Default.AgentLines));
        else
            Console.WriteLine($"{profile.Name}\ntype: Worker\nhost: {state}\nkubelet: {state}\nserver: {server}");
        return isRunning ? 0 : HostIsDown | ClusterIsDown;
    }

    private static string At(ProfileSettings settings) =>
        settings.StoreEndpoints.Count == 0 ? "" : " at " + string.Join(", ", settings.StoreEndpoints);

    private static string? ServerIn(string file, Profile profile)
    {
        try
        {
            return KubeconfigFile.ServerOf(file, profile.Name);
        }
        catch (Exception fault) when (fault is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

internal sealed record StatusLines(string Name, string Host, string Kubelet, string APIServer, string Kubeconfig, int Nodes, int ReadyNodes, IReadOnlyList<string> FailedChecks);

internal sealed record AgentLines(string Name, string Host, string Kubelet, string Server);

[System.Text.Json.Serialization.JsonSerializable(typeof(StatusLines))]
[System.Text.Json.Serialization.JsonSerializable(typeof(AgentLines))]
internal sealed partial class StatusJson : System.Text.Json.Serialization.JsonSerializerContext;
