using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orchestrator.Host.Profiles;

/// <summary>What <c>start</c> was told, kept so that the next start brings the same cluster back.</summary>
internal sealed record ProfileSettings
{
    /// <summary>Port of the API server; chosen at the first start, so that the kubeconfig stays good.</summary>
    public int ApiPort { get; init; }

    public int HollowNodes { get; init; }

    /// <summary>The network between the machine and its node of real containers; null where all nodes are pretended.</summary>
    public string? NodeSubnet { get; init; }

    /// <summary>Whether this machine's node is in the machine's own network: then nodes of other machines may join.</summary>
    public bool IsInHostNetwork { get; init; }

    /// <summary>The node's address there; null: that of the machine's way out.</summary>
    public string? NodeIp { get; init; }

    /// <summary>Null: the cluster's own name, and for an agent the machine's.</summary>
    public string? NodeName { get; init; }

    /// <summary>Null: as the node's network has it.</summary>
    public string? BindAddress { get; init; }

    /// <summary>Further names and addresses of the serving certificate, with commas between.</summary>
    public string? TlsSans { get; init; }

    /// <summary>The API server that this machine is a node of; null: the cluster is this machine's.</summary>
    public string? AgentOf { get; init; }

    [JsonIgnore]
    public bool IsJoinable => IsInHostNetwork && AgentOf is null;

    /// <summary>Whether containers run on this machine.</summary>
    [JsonIgnore]
    public bool HasNode => NodeSubnet is not null || IsInHostNetwork || AgentOf is not null;

    /// <summary>Nodes that the cluster has when it is ready.</summary>
    [JsonIgnore]
    public int Nodes => HasNode ? 1 : HollowNodes;

    /// <summary>Where other machines reach the API server.</summary>
    [JsonIgnore]
    public Uri JoinAddress => new($"https://{NodeIp ?? Machine.HostNetwork.AddressOfMachine().ToString()}:{ApiPort}");

    /// <summary>Where the API server is reached.</summary>
    [JsonIgnore]
    public Uri ApiAddress => AgentOf is { } server ? new Uri(server) : new($"https://{(NodeSubnet is { } subnet ? Machine.NodeSubnet.Parse(subnet).NodeAddress.ToString() : BindAddress is { } bound and not "0.0.0.0" ? bound : "127.0.0.1")}:{ApiPort}");

    /// <summary>Objects to apply at each start; null: those in the profile's own folder.</summary>
    public string? Manifests { get; init; }

    /// <summary>Manifests of static pods; null: those in the profile's own folder.</summary>
    public string? PodManifests { get; init; }

    /// <summary>The file of registries' mirrors; null: the profile's own or the machine's, if there is one.</summary>
    public string? Registries { get; init; }

    /// <summary>When the node is under pressure, as a kubelet's flag has it; null: a kubelet's own thresholds.</summary>
    public string? EvictionHard { get; init; }

    /// <summary>How long a hollow container takes to run.</summary>
    public string HollowReadyAfter { get; init; } = "0s";

    /// <summary>Endpoints of an outside store; empty is the embedded one.</summary>
    public IReadOnlyList<string> StoreEndpoints { get; init; } = [];

    public string? StoreCaFile { get; init; }

    public string? StoreCertFile { get; init; }

    public string? StoreKeyFile { get; init; }

    /// <summary>Null: the server's own default.</summary>
    public int? MaxRequestsInFlight { get; init; }

    public int? MaxMutatingRequestsInFlight { get; init; }

    public NodeTimings Timings { get; init; } = new();

    /// <exception cref="CommandException">The file is damaged.</exception>
    public static ProfileSettings? Load(Profile profile)
    {
        if (!profile.Exists)
            return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(profile.SettingsFile), ProfileSettingsJson.Default.ProfileSettings);
        }
        catch (JsonException fault)
        {
            throw new CommandException($"{profile.SettingsFile} is damaged ({fault.Message}): correct it, or run 'orchestrator delete --profile {profile.Name}'");
        }
    }

    public void Save(Profile profile)
    {
        string temporary = profile.SettingsFile + ".new";
        File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(this, ProfileSettingsJson.Default.ProfileSettings));
        File.Move(temporary, profile.SettingsFile, overwrite: true);
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ProfileSettings))]
internal sealed partial class ProfileSettingsJson : JsonSerializerContext;
