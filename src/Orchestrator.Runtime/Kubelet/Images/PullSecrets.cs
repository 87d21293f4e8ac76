using System.Text;
using System.Text.Json;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Images;

/// <summary>The credentials for registries that secrets hold, and which of them an image's registry may see.</summary>
/// <remarks>
/// A secret is a registry client's configuration: a map from places to credentials. A place is a host, perhaps with a port and
/// the beginning of a path; each part of the host may have wildcards: <c>https://*.example.com/team</c>.
/// </remarks>
public sealed class PullSecrets
{
    /// <summary>The place by which clients name the registry of images without one.</summary>
    private const string DefaultRegistry = "index.docker.io";

    private readonly List<(string Place, RegistryCredentials Credentials)> _known = [];

    /// <summary>Takes in what a secret holds; one that is no configuration holds nothing.</summary>
    public void Add(Secret secret)
    {
        if (secret.Data is not { } data)
            return;
        if (data.TryGetValue(".dockerconfigjson", out byte[]? configuration))
            Add(configuration, hasAuths: true);
        else if (data.TryGetValue(".dockercfg", out byte[]? old))
            Add(old, hasAuths: false);
    }

    /// <summary>All that fit, those of the longest place first: each is worth a try.</summary>
    public IReadOnlyList<RegistryCredentials> For(string image)
    {
        string place = PlaceOf(image);
        return
        [
            .. _known.Where(known => Fits(known.Place, place)).OrderByDescending(known => known.Place.Length)
                .Select(known => known.Credentials).Distinct(),
        ];
    }

    private void Add(byte[] configuration, bool hasAuths)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(configuration);
            JsonElement places = hasAuths ? document.RootElement.GetProperty("auths") : document.RootElement;
            foreach (JsonProperty place in places.EnumerateObject())
                _known.Add((Normal(place.Name), Read(place.Value)));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            // Whoever wrote it finds out by the pull that fails.
        }
    }

    private static RegistryCredentials Read(JsonElement entry)
    {
        string user = Text(entry, "username");
        string password = Text(entry, "password");
        if (Text(entry, "auth") is { Length: > 0 } auth)
        {
            string pair = Encoding.UTF8.GetString(Convert.FromBase64String(auth));
            int colon = pair.IndexOf(':', StringComparison.Ordinal);
            if (colon >= 0)
                (user, password) = (pair[..colon], pair[(colon + 1)..].TrimEnd('\0'));
        }
        return new RegistryCredentials
        {
            Username = user,
            Password = password,
            IdentityToken = Text(entry, "identitytoken"),
            RegistryToken = Text(entry, "registrytoken"),
        };
    }

    private static string Text(JsonElement entry, string name) =>
        entry.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    /// <summary>Without its scheme and without the version of the protocol that old clients wrote behind the host.</summary>
    private static string Normal(string place)
    {
        int scheme = place.IndexOf("://", StringComparison.Ordinal);
        string bare = (scheme < 0 ? place : place[(scheme + 3)..]).TrimEnd('/');
        return bare.EndsWith("/v1", StringComparison.Ordinal) || bare.EndsWith("/v2", StringComparison.Ordinal) ? bare[..^3] : bare;
    }

    /// <summary>The host and path of an image, without tag and digest.</summary>
    private static string PlaceOf(string image)
    {
        string name = image.Split('@')[0];
        int colon = name.LastIndexOf(':');
        if (colon > name.LastIndexOf('/'))
            name = name[..colon];
        string first = name.Split('/')[0];
        bool hasHost = name.Contains('/', StringComparison.Ordinal) && (first.AsSpan().ContainsAny('.', ':') || first == "localhost");
        if (!hasHost)
            return $"{DefaultRegistry}/{name}";
        return first == "docker.io" ? DefaultRegistry + name[first.Length..] : name;
    }

    private static bool Fits(string pattern, string place)
    {
        (string patternHost, string patternPath) = Cut(pattern == "docker.io" ? DefaultRegistry : pattern);
        (string host, string path) = Cut(place);
        string[] patternParts = patternHost.Split('.');
        string[] parts = host.Split('.');
        return patternParts.Length == parts.Length
            && patternParts.Zip(parts).All(pair => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pair.First, pair.Second, ignoreCase: false))
            && path.StartsWith(patternPath, StringComparison.Ordinal);
    }

    private static (string Host, string Path) Cut(string place)
    {
        int slash = place.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? (place, "") : (place[..slash], place[slash..]);
    }
}
