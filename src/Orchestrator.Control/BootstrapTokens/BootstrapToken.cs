using System.Globalization;
using System.Text;
using Orchestrator.Control.Workloads;

namespace Orchestrator.Control.BootstrapTokens;

/// <summary>What a node joins with: <c>ID.SECRET</c>, kept as the secret <c>bootstrap-token-ID</c> of kube-system, as in every Kubernetes.</summary>
public sealed record BootstrapToken(string Id, string Secret)
{
    public const int IdLength = 6;
    public const int SecretLength = 16;

    /// <summary>Letters that ids and secrets are made of.</summary>
    public const string Letters = "abcdefghijklmnopqrstuvwxyz0123456789";

    public const string SecretType = "bootstrap.kubernetes.io/token";
    public const string Namespace = "kube-system";

    /// <summary>Whoever shows a token is of it.</summary>
    public const string DefaultGroup = "system:bootstrappers";

    /// <summary>Who may join as a node, by the roles that a cluster others can join has.</summary>
    public const string NodeGroup = "system:bootstrappers:orchestrator:default-node-token";

    private const string NamePrefix = "bootstrap-token-";

    /// <summary>When it ends; null: never.</summary>
    public DateTimeOffset? Expiration { get; init; }

    public string Description { get; init; } = "";

    /// <returns>Null if the text has not that form.</returns>
    public static BootstrapToken? Parse(string text) =>
        text.Length == IdLength + 1 + SecretLength && text[IdLength] == '.' && IsOfLetters(text.AsSpan(0, IdLength)) && IsOfLetters(text.AsSpan(IdLength + 1))
            ? new BootstrapToken(text[..IdLength], text[(IdLength + 1)..])
            : null;

    public static bool IsId(string text) => text.Length == IdLength && IsOfLetters(text);

    public static string NameOf(string id) => NamePrefix + id;

    /// <summary>The token that a secret holds, whatever of it is wrong; null for other secrets.</summary>
    public static BootstrapToken? Of(Secret secret)
    {
        if (secret.Type != SecretType || secret.Namespace != Namespace)
            return null;
        return new BootstrapToken(TextOf(secret, "token-id"), TextOf(secret, "token-secret"))
        {
            // An end that cannot be read has been.
            Expiration = TextOf(secret, "expiration") is { Length: > 0 } text
                ? DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var end) ? end : DateTimeOffset.MinValue
                : null,
            Description = TextOf(secret, "description"),
        };
    }

    public static string TextOf(Secret secret, string key) =>
        secret.Data.OrEmpty().TryGetValue(key, out byte[]? value) ? Encoding.UTF8.GetString(value) : "";

    public bool IsExpired(DateTimeOffset now) => Expiration is { } end && end <= now;

    /// <summary>A secret by which nodes may join.</summary>
    public Secret ToSecret()
    {
        var data = new Dictionary<string, string>
        {
            ["token-id"] = Id,
            ["token-secret"] = Secret,
            ["usage-bootstrap-authentication"] = "true",
            ["auth-extra-groups"] = NodeGroup,
        };
        if (Expiration is { } end)
            data["expiration"] = ApiTime.Text(end);
        if (Description.Length > 0)
            data["description"] = Description;
        return new Secret
        {
            Metadata = new ObjectMeta { Namespace = Namespace, Name = NameOf(Id) },
            Type = SecretType,
            Data = data.ToDictionary(entry => entry.Key, entry => Encoding.UTF8.GetBytes(entry.Value)),
        };
    }

    public override string ToString() => $"{Id}.{Secret}";

    private static bool IsOfLetters(ReadOnlySpan<char> text) => text.IndexOfAnyExcept(Letters) < 0;
}
