using System.Globalization;
using KvStore.Raft;
using KvStore.Server.Configuration;
using KvStore.Server.Http;
using KvStore.Server.Logging;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace KvStore.Server.Peers.Incoming;

/// <summary>Decides whether a call comes from a peer of this cluster to this member, in a protocol that it speaks.</summary>
internal sealed class Admission(PeerTransportOptions options, Func<NodeId, bool> isRemoved)
{
    private readonly RepeatedProblems _problems = new(options.Time);

    /// <returns>Null if the call was refused; it is answered then.</returns>
    public async Task<Caller?> AdmitAsync(HttpContext context, string protocol)
    {
        if (await FindRefusalAsync(context, protocol) is { } refusal)
        {
            await RefuseAsync(context, refusal);
            return null;
        }
        var headers = context.Request.Headers;
        TryParseId(headers[PeerProtocol.From], out var from);
        _problems.Forget(CallerOf(context));
        return new Caller(from, DirectoryIn(headers), ParseUrls(headers[PeerProtocol.PeerUrls]), headers[PeerProtocol.ServerVersion].ToString());
    }

    /// <summary>Answers with what is wrong, and logs it unless the same caller was refused for the same before.</summary>
    public Task RefuseAsync(HttpContext context, Refusal refusal)
    {
        string caller = CallerOf(context);
        if (_problems.IsNew(caller, refusal.Code))
        {
            Log.Warn(
                "refused a peer's call", ("reason", refusal.Code), ("error", refusal.Text), ("remote-peer-id", caller),
                ("remote-address", context.Connection.RemoteIpAddress?.ToString()), ("path", context.Request.Path.Value));
        }
        if (refusal.Code == Refusal.VersionCode)
            context.Response.Headers.Upgrade = $"{PeerProtocol.StreamProtocol}/{PeerProtocol.Version}";
        context.Response.Headers[PeerProtocol.RefusalCode] = refusal.Code;
        return HttpAnswer.WriteErrorAsync(context, refusal.Status, refusal.Text);
    }

    /// <summary>Whether it runs in another data directory than that in which it is known to have started.</summary>
    public bool LostDirectory(NodeId caller, ulong directoryId)
    {
        ulong known = options.DirectoryOf(caller);
        return known != 0 && directoryId != 0 && directoryId != known;
    }

    public static bool TryParseId(string? text, out NodeId id)
    {
        bool isNumber = ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value);
        id = new NodeId(value);
        return isNumber && id != NodeId.None && !id.IsLocalThread;
    }

    private async Task<Refusal?> FindRefusalAsync(HttpContext context, string protocol)
    {
        var headers = context.Request.Headers;
        if (FindProtocolProblem(headers.Upgrade.ToString(), protocol) is { } problem)
            return problem;
        if (context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true })
            return Refusal.Malformed("the request must be one that HTTP/1.1 can upgrade: without a body, with Connection: Upgrade");
        if (!TryParseId(headers[PeerProtocol.From], out var from) || !TryParseId(headers[PeerProtocol.To], out var to))
            return Refusal.Malformed($"{PeerProtocol.From} and {PeerProtocol.To} must be ids of members in hexadecimal");
        string cluster = new Cluster.ClusterId(options.ClusterId).ToString();
        if (headers[PeerProtocol.ClusterId] != cluster)
        {
            return new Refusal(412, Refusal.ClusterCode, $"cluster ID mismatch: member {options.MemberId} belongs to cluster {cluster}, "
                + $"the call of {from} is for {headers[PeerProtocol.ClusterId]}: was it started with another --initial-cluster or token?");
        }
        if (isRemoved(from))
            return new Refusal(410, Refusal.RemovedCode, "the member has been permanently removed from the cluster");
        if (LostDirectory(from, DirectoryIn(headers)))
            return Refusal.LostDirectory(from.ToString());
        if (to != options.MemberId)
        {
            return new Refusal(404, Refusal.WrongMemberCode, $"member {options.MemberId} was called as {to}: "
                + "its peer URL is another member's, or it runs in another member's data directory");
        }
        if (from == options.MemberId)
        {
            return new Refusal(404, Refusal.WrongMemberCode, $"member {from} called itself: "
                + "its URL stands for another member, or two members run in copies of one data directory");
        }
        return await FindCertificateProblemAsync(context) is { } mismatch ? new Refusal(403, Refusal.CertificateCode, mismatch) : null;
    }

    private async Task<string?> FindCertificateProblemAsync(HttpContext context)
    {
        if (options.Tls is not { } tls || !context.Request.IsHttps)
            return null;
        var (certificate, address) = (context.Connection.ClientCertificate, context.Connection.RemoteIpAddress);
        return await tls.FindAddressProblemAsync(certificate, address, context.RequestAborted);
    }

    private static Refusal? FindProtocolProblem(string upgrade, string protocol)
    {
        string expected = $"{protocol}/{PeerProtocol.Version}";
        if (upgrade == expected)
            return null;
        return upgrade.StartsWith(protocol + "/", StringComparison.Ordinal)
            ? new Refusal(426, Refusal.VersionCode, $"the peer protocol {upgrade} is not spoken here, only {expected} "
                + $"(kvstore {ServerVersion.Own}): update the older of the two members")
            : Refusal.Malformed($"this is for peers: the request must ask for an upgrade to {expected}");
    }

    private static ulong DirectoryIn(IHeaderDictionary headers) =>
        ulong.TryParse(headers[PeerProtocol.Directory], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong id) ? id : 0;

    private static IReadOnlyList<string> ParseUrls(string? text)
    {
        try
        {
            return string.IsNullOrEmpty(text) ? [] : [.. EtcdUrl.ParseList(text).Select(url => url.ToString())];
        }
        catch (FormatException)
        {
            // Only a caller that is not known here needs them, and is then told.
            return [];
        }
    }

    private static string CallerOf(HttpContext context) =>
        TryParseId(context.Request.Headers[PeerProtocol.From], out var from) ? from.ToString() : $"{context.Connection.RemoteIpAddress}";
}
