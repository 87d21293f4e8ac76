namespace KvStore.Server.Peers;

/// <summary>Why a member does not take a peer's call. The code is for the caller's program, the text for people on both sides.</summary>
internal sealed record Refusal(int Status, string Code, string Text)
{
    public const string RemovedCode = "removed";
    public const string DirectoryCode = "data-directory-lost";
    public const string ClusterCode = "cluster-id-mismatch";
    public const string WrongMemberCode = "wrong-member";
    public const string VersionCode = "protocol-version";
    public const string MalformedCode = "malformed";
    public const string CertificateCode = "certificate";
    public const string BusyCode = "busy";

    /// <summary>One that has voted before and forgot it must not vote again.</summary>
    public static Refusal LostDirectory(string member) => new(409, DirectoryCode,
        $"member {member} has already been bootstrapped, in another data directory: what it promised there is missing here");

    public static Refusal Malformed(string text) => new(400, MalformedCode, text);

    public static Refusal Busy(string text) => new(503, BusyCode, text);
}
