using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Orchestrator.Host.Machine;
using Orchestrator.Host.Profiles;
using Orchestrator.Host.Serving;
using Orchestrator.Runtime.Security.Kubeconfigs;
using Spectre.Console;
using Profile = Orchestrator.Host.Profiles.Profile;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator start</c>: brings a cluster up in the background and returns when it is ready.</summary>
/// <remarks>Giving it again is harmless: a running cluster is left as it is, a stopped one comes back with its data.</remarks>
internal static class StartCommand
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(25);

    /// <summary>Lines of the process's log that explain why it did not come up.</summary>
    private const int LinesShown = 15;

    public static Command Create()
    {
        var profileOption = CommonOptions.Profile();
        var nodes = new Option<int?>("--hollow-nodes") { Description = "Nodes whose containers are pretended (kept for the next start)", HelpName = "N", CustomParser = CommonOptions.OptionalNumber };
        var readyAfter = new Option<string?>("--hollow-ready-after")
        {
            Description = "Time that a pretended container takes to run (500ms, 2s; kept)", HelpName = "DURATION",
        };
        var subnet = new Option<string?>("--node-subnet")
        {
            Description = "Network between this machine and its node of real containers (default: a free one, kept)", HelpName = "CIDR",
        };
        var network = ServerCommandOptions.NodeNetworkOption("; kept");
        var address = AgentCommand.NodeIp();
        var name = new Option<string?>("--node-name") { Description = "Name of this machine's node (default: the cluster's; kept)", HelpName = "NAME" };
        var bind = new Option<string?>("--bind-address") { Description = "Address that the API server listens on, with --node-network host (default: all of the machine's; kept)", HelpName = "ADDRESS" };
        var sans = new Option<string[]>("--tls-san") { Description = "Further host name or address in the serving certificate (kept)", HelpName = "NAME" };
        var port = new Option<int?>("--https-listen-port") { Description = "Port of the API server (default: a free one, kept)", HelpName = "PORT", CustomParser = CommonOptions.OptionalNumber };
        var storeEndpoints = new Option<string?>("--store-endpoints")
        {
            Description = "Endpoints of an etcd or kvstore cluster to use instead of the embedded store, comma-separated (kept)", HelpName = "URLS",
        };
        var storeCa = new Option<string?>("--store-cafile") { Description = "CA of the store's certificates (kept)", HelpName = "FILE" };
        var storeCert = new Option<string?>("--store-certfile") { Description = "Client certificate for the store (kept)", HelpName = "FILE" };
        var storeKey = new Option<string?>("--store-keyfile") { Description = "Key of the client certificate (kept)", HelpName = "FILE" };
        var manifests = ServerCommandOptions.ManifestFolder("; kept");
        var podManifests = ServerCommandOptions.PodManifestFolder("; kept");
        var registries = ServerCommandOptions.RegistriesOption("; kept");
        var evictionHard = EvictionOptions.Hard("; kept");
        var reads = ServerCommandOptions.RequestsInFlight(isMutating: false, "; kept");
        var writes = ServerCommandOptions.RequestsInFlight(isMutating: true, "; kept");
        var timings = new NodeTimingOptions("; kept");
        var wait = new Option<string>("--wait") { Description = "How long to wait until it is ready", DefaultValueFactory = _ => "60s", HelpName = "DURATION" };
        var keepsContext = new Option<bool>("--keep-context") { Description = "Leave kubectl's current context as it is" };
        var command = new Command("start", "Start a cluster on this machine, or bring a stopped one back.")
        {
            profileOption, nodes, readyAfter, subnet, network, address, name, bind, sans, port, storeEndpoints, storeCa, storeCert, storeKey, manifests, podManifests, registries, evictionHard, reads, writes, wait, keepsContext,
        };
        foreach (var option in timings.All)
            command.Options.Add(option);
        CommonOptions.SetAction(command, async (result, cancellation) =>
        {
            var profile = Profile.Of(result.GetValue(profileOption)!);
            var patience = ServerCommandOptions.ReadDuration("--wait", result.GetValue(wait)!);
            return await RunAsync(profile, Settle, patience, !result.GetValue(keepsContext), cancellation);

            // What was told before, and what is told now.
            ProfileSettings Settle(ProfileSettings settings) => settings with
            {
                HollowNodes = ServerCommandOptions.ReadCount(result.GetValue(nodes) ?? settings.HollowNodes),
                NodeSubnet = result.GetValue(subnet) is { } given ? NodeSubnet.Parse(given).ToString() : settings.NodeSubnet,
                IsInHostNetwork = result.GetValue(network) is { } where ? where == ServerCommandOptions.HostNetworkName : settings.IsInHostNetwork,
                NodeIp = result.GetValue(address) is { } ip ? HostNetwork.Parse(ip).ToString() : settings.NodeIp,
                NodeName = result.GetValue(name) is { } nodeName ? AgentCommand.ReadNodeName(nodeName) : settings.NodeName,
                BindAddress = result.GetValue(bind) is { } bound ? ServerCommandOptions.ReadAddress(bound).ToString() : settings.BindAddress,
                TlsSans = result.GetValue(sans) is { Length: > 0 } names ? string.Join(',', names) : settings.TlsSans,
                HollowReadyAfter = result.GetValue(readyAfter) ?? settings.HollowReadyAfter,
                ApiPort = result.GetValue(port) ?? settings.ApiPort,
                StoreEndpoints = result.GetValue(storeEndpoints) is { } endpoints ? ServerCommandOptions.ReadEndpoints(endpoints) : settings.StoreEndpoints,
                StoreCaFile = ExistingFile("--store-cafile", result.GetValue(storeCa)) ?? settings.StoreCaFile,
                StoreCertFile = ExistingFile("--store-certfile", result.GetValue(storeCert)) ?? settings.StoreCertFile,
                StoreKeyFile = ExistingFile("--store-keyfile", result.GetValue(storeKey)) ?? settings.StoreKeyFile,
                Manifests = result.GetValue(manifests) is { } folder ? ServerCommandOptions.ReadFolder(manifests.Name, folder) : settings.Manifests,
                PodManifests = result.GetValue(podManifests) is { } pods ? ServerCommandOptions.ReadFolder(podManifests.Name, pods) : settings.PodManifests,
                Registries = result.GetValue(registries) is { } file ? Path.GetFullPath(file) : settings.Registries,
                EvictionHard = result.GetValue(evictionHard) ?? settings.EvictionHard,
                MaxRequestsInFlight = ServerCommandOptions.ReadLimit(reads.Name, result.GetValue(reads)) ?? settings.MaxRequestsInFlight,
                MaxMutatingRequestsInFlight = ServerCommandOptions.ReadLimit(writes.Name, result.GetValue(writes)) ?? settings.MaxMutatingRequestsInFlight,
                Timings = timings.Read(result, settings.Timings),
            };
        });
        return command;
    }

    private static async Task<int> RunAsync(
        Profile profile, Func<ProfileSettings, ProfileSettings> settle, TimeSpan patience, bool makesCurrent, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        Check(profile, settle(ProfileSettings.Load(profile) ?? new ProfileSettings()));
        profile.CreateDirectories();
        using var alone = await StartLock.TakeAsync(profile, patience, cancellation);
        var before = ProfileSettings.Load(profile);
        var settings = settle(before ?? new ProfileSettings());
        bool isRunning = ProfileLock.Holder(profile) is not null;
        if (isRunning && before is not null && before != settings with { StoreEndpoints = before.StoreEndpoints })
            throw new CommandException($"the cluster \"{profile.Name}\" is running with other settings: run 'orchestrator stop --profile {profile.Name}' first");
        if (!isRunning)
        {
            settings = Placed(settings);
            settings.Save(profile);
        }
        var state = await ShowingProgressAsync($"Starting cluster \"{profile.Name}\"", async progress =>
        {
            using var server = isRunning ? null : Launch(profile, settings);
            return await AwaitReadyAsync(profile, settings, server, patience, progress, cancellation);
        });
        WriteKubeconfig(profile, settings, makesCurrent);
        Console.WriteLine(isRunning
            ? $"Cluster \"{profile.Name}\" is running: {Nodes(state)}."
            : string.Create(CultureInfo.InvariantCulture, $"Cluster \"{profile.Name}\" is ready after {watch.Elapsed.TotalSeconds:0.0} s: {Nodes(state)}."));
        Console.WriteLine(makesCurrent
            ? $"kubectl now uses it, by the context \"{profile.Name}\" in {KubeconfigPaths.ToWrite()}."
            : $"kubectl reaches it by --context {profile.Name}.");
        if (settings.HasNode && EvictionOptions.Forecast(profile, settings) is { } forecast)
            Console.Error.WriteLine($"Warning: {forecast}");
        Console.WriteLine();
        Console.WriteLine("Go on with:");
        Console.WriteLine("  kubectl create deployment web --image=nginx --replicas=3");
        Console.WriteLine("  kubectl get pods --watch");
        Console.WriteLine($"  orchestrator status | logs | stop | delete{(profile.Name == Profile.DefaultName ? "" : " --profile " + profile.Name)}");
        return 0;
    }

    private static void Check(Profile profile, ProfileSettings settings)
    {
        if (settings.AgentOf is { } server)
            throw new CommandException($"\"{profile.Name}\" is this machine's part in {server}: run 'orchestrator agent --profile {profile.Name}', or give a cluster another --profile");
        if (settings.IsInHostNetwork && (settings.HollowNodes > 0 || settings.NodeSubnet is not null))
            throw new CommandException("a node has one network: --node-network host goes with neither --hollow-nodes nor --node-subnet, and stays a cluster's whole life; 'orchestrator delete' makes room for another kind");
        if (!settings.IsInHostNetwork && (settings.NodeIp ?? settings.BindAddress) is not null)
            throw new CommandException("--node-ip and --bind-address are for a node in the machine's own network: give --node-network host");
        _ = ServerCommandOptions.ReadRegistries(settings.Registries, profile.Directory);
        _ = ServerCommandOptions.ReadDuration("--hollow-ready-after", settings.HollowReadyAfter);
        _ = EvictionOptions.Read(settings.EvictionHard);
        if (settings.HollowNodes > 0 && settings.EvictionHard is not null)
            throw new CommandException("pretended nodes are never short of anything: --hollow-nodes and --eviction-hard do not go together");
        if (settings.HollowNodes > 0 && settings.Registries is not null)
            throw new CommandException("pretended nodes pull nothing from registries: --hollow-nodes and --registries do not go together");
        if (settings.HollowNodes > 0 && settings.PodManifests is not null)
            throw new CommandException("pretended nodes have no static pods: --hollow-nodes and --pod-manifest-path do not go together");
        if (settings.HollowNodes > 0 && settings.NodeSubnet is not null)
            throw new CommandException("a cluster has pretended nodes or a real one: --hollow-nodes and --node-subnet do not go together; 'orchestrator delete' makes room for another kind");
        if (settings.HollowNodes == 0 && MachineCheck.Missing() is { } missing)
            throw new CommandException($"this machine cannot run containers: {missing}; or start nodes whose containers are pretended: --hollow-nodes N");
    }

    /// <summary>What a first start chooses, and later ones keep.</summary>
    private static ProfileSettings Placed(ProfileSettings settings) => settings.HollowNodes > 0
        ? settings with { ApiPort = settings.ApiPort == 0 ? FreePort() : settings.ApiPort }
        : settings with
        {
            NodeSubnet = settings.IsInHostNetwork ? null : settings.NodeSubnet ?? NodeSubnet.Free().ToString(),
            ApiPort = settings.ApiPort == 0 ? ServerSettings.DefaultHttpsPort : settings.ApiPort, // By this port other machines know it, or its address is the node's alone.
        };

    private static string Nodes(ClusterState state) => state.Nodes == 1 ? "1 node is Ready" : $"{state.ReadyNodes} nodes are Ready";

    /// <summary>On a terminal only; a pipe gets the result alone.</summary>
    private static Task<T> ShowingProgressAsync<T>(string title, Func<Action<string>, Task<T>> work) =>
        Console.IsErrorRedirected || Console.IsOutputRedirected
            ? work(_ => { })
            : AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }).Status()
                .StartAsync(title, status => work(text => status.Status = Markup.Escape($"{title}: {text}")));

    /// <summary>What is called often is compiled anew when nothing has been called for the first time for half a second (in hexadecimal milliseconds) and
    /// not, as the runtime has it, for a tenth: so that is not done within a burst of pods, of whose processor time it was half. A cluster without
    /// containers has its processors for itself, and steady load of many requests is a quarter slower until that time comes.</summary>
    private static readonly (string Name, string Value) CompilationDelay = ("DOTNET_TC_CallCountingDelayMs", "1F4");

    /// <summary>The server lives on after this command: a session of its own, no terminal, no pipe of ours.</summary>
    private static Process Launch(Profile profile, ProfileSettings settings)
    {
        string program = Environment.ProcessPath ?? throw new CommandException("cannot tell which program this is; start it by its path");
        var start = new ProcessStartInfo("/bin/sh",
        [
            "-c", "exec setsid \"$@\" < /dev/null >> \"$0\" 2>&1", profile.ProcessLog,
            program, "server", "--profile", profile.Name,
            "--https-listen-port", settings.ApiPort.ToString(CultureInfo.InvariantCulture),
            .. Given("--node-subnet", settings.NodeSubnet),
            .. Given("--node-network", settings.IsInHostNetwork ? ServerCommandOptions.HostNetworkName : null),
            .. Given("--node-ip", settings.NodeIp),
            .. Given("--node-name", settings.NodeName),
            .. Given("--bind-address", settings.BindAddress),
            .. (settings.TlsSans ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).SelectMany(san => Given("--tls-san", san)),
            "--hollow-nodes", settings.HollowNodes.ToString(CultureInfo.InvariantCulture),
            "--hollow-ready-after", settings.HollowReadyAfter,
            "--log-dir", profile.Logs,
            .. Given("--manifests", settings.Manifests),
            .. Given("--pod-manifest-path", settings.PodManifests),
            .. Given("--registries", settings.Registries),
            .. settings.EvictionHard is { } thresholds ? (string[])["--eviction-hard", thresholds] : [], // None is said by nothing.
            .. Given("--store-endpoints", string.Join(',', settings.StoreEndpoints)),
            .. Given("--store-cafile", settings.StoreCaFile),
            .. Given("--store-certfile", settings.StoreCertFile),
            .. Given("--store-keyfile", settings.StoreKeyFile),
            .. Given("--max-requests-inflight", settings.MaxRequestsInFlight?.ToString(CultureInfo.InvariantCulture)),
            .. Given("--max-mutating-requests-inflight", settings.MaxMutatingRequestsInFlight?.ToString(CultureInfo.InvariantCulture)),
            .. settings.Timings.Arguments(),
        ])
        {
            WorkingDirectory = profile.Directory,
        };
        File.WriteAllText(profile.ProcessLog, "");
        if (settings.HasNode)
            start.Environment.TryAdd(CompilationDelay.Name, CompilationDelay.Value);
        return Process.Start(start) ?? throw new CommandException("cannot start a process");
    }

    private static string[] Given(string option, string? value) => string.IsNullOrEmpty(value) ? [] : [option, value];

    private static async Task<ClusterState> AwaitReadyAsync(
        Profile profile, ProfileSettings settings, Process? server, TimeSpan patience, Action<string> progress, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        // Times of objects are whole seconds, their fractions cut off.
        using var probe = new ClusterProbe(profile, settings.ApiAddress, server is null ? default : DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds()));
        while (true)
        {
            if (server is { HasExited: true })
                throw new CommandException(OnlyComplaint(profile) ?? $"the cluster did not come up (its process ended with {server.ExitCode}). It wrote:\n{LastLines(profile)}");
            var state = await probe.LookAsync(cancellation);
            if (state.IsReady(settings.Nodes))
                return state;
            progress(state.ApiServerIsReady ? $"{state.ReadyNodes} of {settings.Nodes} nodes are Ready" : Waiting(state));
            if (watch.Elapsed > patience)
            {
                throw new CommandException(string.Create(CultureInfo.InvariantCulture,
                    $"the cluster is not ready after {patience.TotalSeconds:0} s: {(state.ApiServerIsReady ? $"{state.ReadyNodes} of {settings.Nodes} nodes are Ready" : Waiting(state))}; see 'orchestrator logs --profile {profile.Name}', wait longer with --wait, or stop it"));
            }
            await Task.Delay(PollInterval, cancellation);
        }
    }

    private static string Waiting(ClusterState state) => state.FailedChecks.Count == 0
        ? "the API server does not answer"
        : $"the API server is not ready: failed checks: {string.Join(", ", state.FailedChecks)}";

    /// <returns>What the process complained of, if it wrote nothing else and the disk has room for more; or else null.</returns>
    private static string? OnlyComplaint(Profile profile) =>
        DoctorCommand.DiskProblem() is null && File.Exists(profile.ProcessLog)
        && File.ReadLines(profile.ProcessLog).Take(2).ToList() is [var line] && line.StartsWith(CommonOptions.Complaint, StringComparison.Ordinal)
            ? line[CommonOptions.Complaint.Length..]
            : null;

    private static string LastLines(Profile profile)
    {
        IEnumerable<string> lines = File.Exists(profile.ProcessLog) ? File.ReadAllLines(profile.ProcessLog).TakeLast(LinesShown) : [];
        // On a full disk not even the reason can be written.
        if (DoctorCommand.DiskProblem() is { } problem)
            lines = [.. lines, problem];
        return lines.Any() ? string.Join('\n', lines) : "(nothing)";
    }

    private static void WriteKubeconfig(Profile profile, ProfileSettings settings, bool makesCurrent)
    {
        var entry = AdminCredentials.Of(profile.Directory).Entry(profile.Name, settings.ApiAddress);
        try
        {
            KubeconfigFile.Merge(KubeconfigPaths.ToWrite(), entry, makesCurrent);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new CommandException($"the cluster runs, but its context cannot be written: {fault.Message} Correct the file, or set KUBECONFIG to another, and run start again.");
        }
    }

    private static string? ExistingFile(string option, string? path) =>
        path is null || File.Exists(path) ? path is null ? null : Path.GetFullPath(path) : throw new CommandException($"{option}: {path} does not exist");

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
