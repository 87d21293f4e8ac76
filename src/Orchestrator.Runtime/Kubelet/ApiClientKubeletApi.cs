using Orchestrator.Api;
using Orchestrator.Api.AuthenticationV1;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Client;
using Orchestrator.Runtime.Informers;
using Orchestrator.Runtime.Security.Authorization;

namespace Orchestrator.Runtime.Kubelet;

/// <summary>The kubelets' API over the house's client and informers.</summary>
/// <param name="client">Whoever it is, it may impersonate nodes, or is the only one.</param>
/// <param name="isNode">It is the only one.</param>
public sealed class ApiClientKubeletApi(ApiClient client, bool isNode = false) : IKubeletApi
{
    public IKubeletApi As(string nodeName) => isNode ? this :
        new ApiClientKubeletApi(client.ActingFor(new ActingUser(NodeIdentity.UserOf(nodeName), NodeIdentity.Group)));

    public async Task WatchPodsAsync(string? nodeName, IPodSink pods, CancellationToken ct)
    {
        // Pods that are bound nowhere are nobody's here: the server keeps them back.
        string selector = nodeName is null ? "spec.nodeName!=" : $"spec.nodeName={nodeName}";
        await FollowAsync(new InformerOptions { FieldSelector = selector }, pods, ct);
    }

    public Task WatchAsync<T>(string? name, IObjectSink<T> objects, CancellationToken ct) where T : class, IKubernetesObject<T> =>
        FollowAsync(name is null ? new InformerOptions() : new InformerOptions { FieldSelector = $"metadata.name={name}" }, objects, ct);

    public Task WatchAsync<T>(string ns, string name, IObjectSink<T> objects, CancellationToken ct) where T : class, IKubernetesObject<T> =>
        FollowAsync(new InformerOptions { Namespace = ns, FieldSelector = $"metadata.name={name}" }, objects, ct);

    public Task<T?> FindAsync<T>(string ns, string name, CancellationToken ct) where T : class, IKubernetesObject<T> =>
        AskAsync(() => client.FindAsync<T>(ns, name, ct));

    public Task<T> CreateAsync<T>(T value, CancellationToken ct) where T : class, IKubernetesObject<T> =>
        AskAsync(() => client.CreateAsync(value, null, ct));

    public Task<T> UpdateAsync<T>(T value, CancellationToken ct) where T : class, IKubernetesObject<T> =>
        AskAsync(() => client.UpdateAsync(value, null, ct));

    public Task<T> PatchAsync<T>(string ns, string name, string subresource, ReadOnlyMemory<byte> patch, CancellationToken ct)
        where T : class, IKubernetesObject<T> =>
        AskAsync(() => client.PatchAsync<T>(ns, name, PatchFormat.Strategic, patch, subresource.Length == 0 ? null : subresource, null, ct));

    public Task MergeAsync<T>(string ns, string name, ReadOnlyMemory<byte> patch, CancellationToken ct) where T : class, IKubernetesObject<T> =>
        AskAsync(() => client.PatchAsync<T>(ns, name, PatchFormat.Merge, patch, null, null, ct));

    public Task<TokenRequest> RequestTokenAsync(string ns, string serviceAccount, TokenRequest request, CancellationToken ct) => AskAsync(async () =>
        KubernetesJson.Deserialize<TokenRequest>(
            (await client.CreateSubresourceAsync(ApiClient.ResourceOf<ServiceAccount>(), ns, serviceAccount, "token", request, null, ct)).Span));

    public Task DeletePodAsync(string ns, string name, string uid, CancellationToken ct) => AskAsync(async () =>
    {
        await client.DeleteAsync<Pod>(ns, name, new Deletion { GracePeriodSeconds = 0, Uid = uid }, ct);
        return true;
    });

    private async Task FollowAsync<T>(InformerOptions options, IObjectSink<T> objects, CancellationToken ct)
        where T : class, IKubernetesObject<T>
    {
        var informer = new Informer(client, ApiClient.ResourceOf<T>(), options);
        using IDisposable handler = informer.AddHandler(change =>
        {
            if (change.Type == InformerChangeType.Deleted)
                objects.Deleted((T)change.Old!);
            else
                objects.Changed((T)change.New!);
        });
        Task running = informer.RunAsync(ct);
        await informer.WaitForSyncAsync(ct);
        objects.Synced();
        await running;
    }

    private static async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (TransportException e)
        {
            throw new IOException(e.Message, e);
        }
    }
}
