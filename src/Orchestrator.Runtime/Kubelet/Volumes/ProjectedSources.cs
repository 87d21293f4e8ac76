using System.Text;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Volumes;

/// <summary>Reads what a pod's written volumes are made from.</summary>
/// <param name="pod">As it is now.</param>
internal sealed class ProjectedSources(
    Func<Pod> pod, PodObjects objects, PodTokens tokens, VolumeOwner owner, IReadOnlyDictionary<string, Quantity> allocatable)
{
    /// <summary>A token is nobody's but its pod's.</summary>
    private const UnixFileMode OwnerAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public async Task<Dictionary<string, ProjectedFile>> OfConfigMapAsync(
        string? name, IReadOnlyList<KeyToPath>? items, int? defaultMode, bool? isOptional, CancellationToken ct) =>
        Projections.Of(await objects.ReadAsync<ConfigMap>(name ?? "", ct), name ?? "", items, defaultMode, isOptional == true);

    public async Task<Dictionary<string, ProjectedFile>> OfSecretAsync(
        string? name, IReadOnlyList<KeyToPath>? items, int? defaultMode, bool? isOptional, CancellationToken ct) =>
        Projections.Of(await objects.ReadAsync<Secret>(name ?? "", ct), name ?? "", items, defaultMode, isOptional == true);

    public Dictionary<string, ProjectedFile> OfPod(IReadOnlyList<DownwardAPIVolumeFile>? items, int? defaultMode) =>
        Projections.Of(pod(), items, defaultMode, allocatable);

    /// <summary>All sources in one; all that is missing is told at once.</summary>
    public async Task<(IReadOnlyDictionary<string, ProjectedFile> Files, DateTimeOffset? RenewAt)> OfAllAsync(
        ProjectedVolumeSource projected, CancellationToken ct)
    {
        var files = new Dictionary<string, ProjectedFile>();
        DateTimeOffset? renewAt = null;
        var problems = new List<string>();
        foreach (VolumeProjection source in projected.Sources.OrEmpty())
        {
            try
            {
                if (source.ServiceAccountToken is { } wanted)
                {
                    PodToken token = await tokens.GetAsync(pod(), wanted, ct);
                    files[wanted.Path ?? ""] = FileOf(token, projected.DefaultMode);
                    renewAt = renewAt is { } known && known < token.RenewAt ? known : token.RenewAt;
                    continue;
                }
                foreach (var (path, file) in await OfOneAsync(source, projected.DefaultMode, ct))
                    files[path] = file;
            }
            catch (VolumeException e)
            {
                problems.Add(e.Message);
            }
        }
        return problems.Distinct().ToList() switch
        {
            [] => (files, renewAt),
            [string one] => throw new VolumeException(one),
            var several => throw new VolumeException($"[{string.Join(", ", several)}]"),
        };
    }

    private async Task<Dictionary<string, ProjectedFile>> OfOneAsync(VolumeProjection source, int? mode, CancellationToken ct) => source switch
    {
        { ConfigMap: { } map } => await OfConfigMapAsync(map.Name, map.Items, mode, map.Optional, ct),
        { Secret: { } secret } => await OfSecretAsync(secret.Name, secret.Items, mode, secret.Optional, ct),
        { DownwardAPI: { } downward } => OfPod(downward.Items, mode),
        { ClusterTrustBundle: not null } => throw new VolumeException("ClusterTrustBundle projection is not supported"),
        { PodCertificate: not null } => throw new VolumeException("PodCertificate projection is not supported"),
        _ => [],
    };

    /// <summary>Where the pod says whose its files are, nobody else reads its token.</summary>
    private ProjectedFile FileOf(PodToken token, int? mode) => new(
        Encoding.UTF8.GetBytes(token.Text), owner.Group is null && owner.User is null ? Projections.Mode(mode) : OwnerAlone, owner.User);
}
