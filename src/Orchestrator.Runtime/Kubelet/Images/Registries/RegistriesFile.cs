using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Kubelet.Images.Registries;

/// <summary>A file of registries cannot be used; the message names the file, the place in it and the reason, in one line.</summary>
public sealed class RegistriesFileException(string message) : Exception(message);

/// <summary>Where images really come from: mirrors of registries, and how registries are spoken to.</summary>
/// <remarks>
/// The file has k3s' form:
/// <code>
/// mirrors:
///   docker.io: { endpoint: ["https://mirror.example:5000"], rewrite: { "^(.*)$": "hub/$1" } }
///   "*":       { endpoint: [...] }                       every registry that has no entry of its own
/// configs:
///   mirror.example:5000:
///     auth: { username, password }                       or auth (base64 of USER:PASSWORD), or identity_token
///     tls:  { ca_file, cert_file, key_file, insecure_skip_verify }
/// </code>
/// A name that the form does not know is an error: a mistyped one would otherwise be found out by a pull that fails.
/// </remarks>
public sealed class RegistriesFile
{
    /// <summary>The registry of images that name none, the host that serves it, and the names by which it goes too.</summary>
    internal const string DefaultRegistry = "docker.io";

    internal const string DefaultRegistryHost = "registry-1.docker.io";

    /// <summary>The mirrors of all registries that have none of their own.</summary>
    internal const string AnyRegistry = "*";

    private RegistriesFile(IReadOnlyDictionary<string, IReadOnlyList<RegistryEndpoint>> mirrors, IReadOnlyDictionary<string, RegistryAccess> access) =>
        (Mirrors, Access) = (mirrors, access);

    public static RegistriesFile Empty { get; } =
        new(new Dictionary<string, IReadOnlyList<RegistryEndpoint>>(), new Dictionary<string, RegistryAccess>());

    /// <summary>By the registry's name in images.</summary>
    internal IReadOnlyDictionary<string, IReadOnlyList<RegistryEndpoint>> Mirrors { get; }

    /// <summary>By the host (and port) that is spoken to.</summary>
    internal IReadOnlyDictionary<string, RegistryAccess> Access { get; }

    /// <exception cref="RegistriesFileException">It cannot be read, or says something that nothing can be made of.</exception>
    public static RegistriesFile Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new RegistriesFileException($"{path}: {fault.Message}");
        }
        catch (RegistriesFileException fault)
        {
            throw new RegistriesFileException($"{path}: {fault.Message}");
        }
    }

    /// <param name="folder">What relative names of files in it are relative to.</param>
    internal static RegistriesFile Parse(string yaml, string folder)
    {
        JsonNode? document;
        try
        {
            document = YamlText.Documents(yaml).FirstOrDefault();
        }
        catch (JsonException fault)
        {
            throw new RegistriesFileException(fault.Message);
        }
        if (document is null)
            return Empty;
        var top = new FilePlace("", document);
        top.Allow("mirrors", "configs");
        var mirrors = top.Entries("mirrors").ToDictionary(
            entry => entry.Name, IReadOnlyList<RegistryEndpoint> (entry) => RegistryEndpoint.ListOf(entry.Place), StringComparer.Ordinal);
        var access = top.Entries("configs").ToDictionary(
            entry => HostOf(entry.Name), entry => RegistryAccess.Read(entry.Place, folder), StringComparer.Ordinal);
        return new RegistriesFile(mirrors, access);
    }

    /// <summary>What the image's registry and its mirrors want to see: each for one host, those of the mirrors first, as they are asked first.</summary>
    public IReadOnlyList<RegistryCredentials> CredentialsFor(string image)
    {
        string registry = RegistryOf(image);
        var credentials = EndpointsOf(registry).Select(endpoint => (endpoint.Host, Address: endpoint.Url.GetLeftPart(UriPartial.Authority)))
            .Append((Host: HostOf(registry), Address: "https://" + HostOf(registry)))
            .DistinctBy(server => server.Host)
            .Select(server => Access.GetValueOrDefault(server.Host)?.Credentials is { } known ? known with { ServerAddress = server.Address } : null);
        return [.. credentials.OfType<RegistryCredentials>()];
    }

    internal IReadOnlyList<RegistryEndpoint> EndpointsOf(string registry) =>
        Mirrors.GetValueOrDefault(registry) ?? Mirrors.GetValueOrDefault(AnyRegistry) ?? [];

    internal static string HostOf(string registry) => registry is DefaultRegistry or "index.docker.io" ? DefaultRegistryHost : registry;

    private static string RegistryOf(string image)
    {
        string first = image.Split('/')[0];
        bool isHost = image.Contains('/', StringComparison.Ordinal) && (first.AsSpan().ContainsAny('.', ':') || first == "localhost");
        return isHost && first != "index.docker.io" ? first : DefaultRegistry;
    }
}

/// <summary>How one host is spoken to.</summary>
/// <param name="CaFile">The authority of its certificate; null: those of the machine.</param>
internal sealed record RegistryAccess(RegistryCredentials? Credentials, string? CaFile, string? CertFile, string? KeyFile, bool SkipsVerify)
{
    public bool HasTls => CaFile is not null || CertFile is not null || SkipsVerify;

    public static RegistryAccess Read(FilePlace place, string folder)
    {
        place.Allow("auth", "tls");
        var tls = place.Entry("tls");
        tls?.Allow("ca_file", "cert_file", "key_file", "insecure_skip_verify");
        var access = new RegistryAccess(
            place.Entry("auth") is { } auth ? ReadCredentials(auth) : null,
            FileAt(tls, "ca_file", folder), FileAt(tls, "cert_file", folder), FileAt(tls, "key_file", folder), tls?.Flag("insecure_skip_verify") ?? false);
        if (access.KeyFile is not null && access.CertFile is null)
            throw tls!.Refuse("key_file needs a cert_file");
        return access;
    }

    private static RegistryCredentials? ReadCredentials(FilePlace auth)
    {
        auth.Allow("username", "password", "auth", "identity_token");
        string user = auth.Text("username") ?? "", password = auth.Text("password") ?? "";
        if (auth.Text("auth") is { Length: > 0 } encoded)
            (user, password) = Decode(auth, encoded);
        string token = auth.Text("identity_token") ?? "";
        if (user.Length == 0 && password.Length > 0)
            throw auth.Refuse("a password needs a username");
        return user.Length + token.Length == 0 ? null : new RegistryCredentials { Username = user, Password = password, IdentityToken = token };
    }

    private static (string User, string Password) Decode(FilePlace auth, string encoded)
    {
        try
        {
            string pair = Encoding.UTF8.GetString(Convert.FromBase64String(encoded));
            int colon = pair.IndexOf(':', StringComparison.Ordinal);
            return colon > 0 ? (pair[..colon], pair[(colon + 1)..]) : throw new FormatException();
        }
        catch (FormatException)
        {
            throw auth.Refuse("auth is not the base64 of USER:PASSWORD");
        }
    }

    private static string? FileAt(FilePlace? tls, string name, string folder)
    {
        if (tls?.Text(name) is not { Length: > 0 } path)
            return null;
        string full = Path.GetFullPath(path, folder);
        return File.Exists(full) ? full : throw tls.Refuse($"{name}: there is no file {full}");
    }
}
