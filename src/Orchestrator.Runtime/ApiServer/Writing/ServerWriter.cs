using Orchestrator.Api;
using Orchestrator.Api.Defaulting;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Writing;

/// <summary>The server's own writes.</summary>
internal sealed class ServerWriter(ResourceRegistry resources, ObjectCreator creator, ObjectUpdater updater) : IObjectWriter
{
    private const string FieldManager = "kube-apiserver";

    private static readonly UserInfo Server = new("system:apiserver", UserInfo.Masters, UserInfo.AllAuthenticated);

    public async Task<T> CreateAsync<T>(T value, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T>
    {
        var created = value.DeepClone();
        Defaults.Apply(created);
        return Typed<T>(await creator.CreateAsync(Context<T>(value, ""), created, cancellationToken).ConfigureAwait(false));
    }

    public Task<T> UpdateAsync<T>(T value, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T> => UpdateAsync(value, "", cancellationToken);

    public Task<T> UpdateStatusAsync<T>(T value, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<T> => UpdateAsync(value, "status", cancellationToken);

    private async Task<T> UpdateAsync<T>(T value, string subresource, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<T>
    {
        var updated = value.DeepClone();
        Defaults.Apply(updated);
        var (state, _) = await updater.UpdateAsync(
            Context<T>(value, subresource), new ResourceTarget(resources.ViewOf<T>(), subresource),
            _ => new Proposal(updated.DeepClone()), cancellationToken).ConfigureAwait(false);
        return Typed<T>(state);
    }

    private static T Typed<T>(StoredObject value)
        where T : class, IKubernetesObject<T> => (T)value.Parse();

    private WriteContext Context<T>(T value, string subresource)
        where T : class, IKubernetesObject<T> => new()
    {
        View = resources.ViewOf<T>(),
        Namespace = value.Namespace,
        Name = value.Name,
        User = Server,
        Subresource = subresource,
        SkipsAdmission = true,
        FieldManager = FieldManager,
    };
}
