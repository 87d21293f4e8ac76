using System.Buffers;
using System.Text.Json;
using Orchestrator.Api;

namespace Orchestrator.Runtime.Client;

/// <summary>The client's writes.</summary>
public sealed partial class ApiClient
{
    public async Task<T> CreateAsync<T>(T target, WriteOptions? options = null, CancellationToken cancellation = default)
        where T : class, IKubernetesObject =>
        (T)await SendObjectAsync(HttpMethod.Post, target, target.Namespace, name: null, subresource: null, options, cancellation);

    /// <summary>Puts the whole object. Its resourceVersion, if set, must be the current one.</summary>
    public async Task<T> UpdateAsync<T>(T target, WriteOptions? options = null, CancellationToken cancellation = default)
        where T : class, IKubernetesObject =>
        (T)await SendObjectAsync(HttpMethod.Put, target, target.Namespace, target.Name, null, options, cancellation);

    public Task<T> UpdateStatusAsync<T>(T target, WriteOptions? options = null, CancellationToken cancellation = default)
        where T : class, IKubernetesObject =>
        UpdateSubresourceAsync(target, "status", options, cancellation);

    /// <summary>Puts the object to a subresource that takes the object's own kind: status, finalize, approval,
    /// ephemeralcontainers, resize.</summary>
    public async Task<T> UpdateSubresourceAsync<T>(
        T target, string subresource, WriteOptions? options = null, CancellationToken cancellation = default)
        where T : class, IKubernetesObject =>
        (T)await SendObjectAsync(HttpMethod.Put, target, target.Namespace, target.Name, subresource, options, cancellation);

    public async Task<T> PatchAsync<T>(
        string ns, string name, PatchFormat format, ReadOnlyMemory<byte> patch, string? subresource = null,
        WriteOptions? options = null, CancellationToken cancellation = default)
        where T : class, IKubernetesObject<T>
    {
        var answer = await PatchAsync(ResourceOf<T>(), ns, name, format, patch, subresource, options, cancellation);
        return KubernetesJson.Deserialize<T>(answer.Span);
    }

    /// <returns>The answer as it came: a subresource may answer with a kind of its own.</returns>
    public Task<ReadOnlyMemory<byte>> PatchAsync(
        ResourceDescription resource, string ns, string name, PatchFormat format, ReadOnlyMemory<byte> patch,
        string? subresource = null, WriteOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= WriteOptions.Default;
        var path = WritePath(resource, ns, name, subresource, options).With("force", options.Force);
        string contentType = format switch
        {
            PatchFormat.Json => "application/json-patch+json",
            PatchFormat.Merge => "application/merge-patch+json",
            PatchFormat.Strategic => "application/strategic-merge-patch+json",
            PatchFormat.Apply => "application/apply-patch+yaml",
            _ => throw new ArgumentOutOfRangeException(nameof(format)),
        };
        return SendAsync(
            new ApiRequest(HttpMethod.Patch, path.ToString()) { Body = patch, ContentType = contentType }, cancellation);
    }

    public Task DeleteAsync<T>(
        string ns, string name, Deletion? options = null, CancellationToken cancellation = default)
        where T : class, IKubernetesObject<T> =>
        DeleteAsync(ResourceOf<T>(), ns, name, options, cancellation);

    /// <returns>The answer as it came: the object while finalizers or a grace period hold it, else a Status.</returns>
    public Task<ReadOnlyMemory<byte>> DeleteAsync(
        ResourceDescription resource, string ns, string name, Deletion? options = null, CancellationToken cancellation = default) =>
        SendAsync(
            new ApiRequest(HttpMethod.Delete, new RequestPath(resource, ns, name).ToString()) { Body = ToBody(options) },
            cancellation);

    public Task DeleteCollectionAsync<T>(
        string ns, ListOptions? which = null, Deletion? options = null, CancellationToken cancellation = default)
        where T : class, IKubernetesObject<T> =>
        DeleteCollectionAsync(ResourceOf<T>(), ns, which, options, cancellation);

    public Task<ReadOnlyMemory<byte>> DeleteCollectionAsync(
        ResourceDescription resource, string ns, ListOptions? which = null, Deletion? options = null,
        CancellationToken cancellation = default)
    {
        var path = new RequestPath(resource, ns)
            .With("labelSelector", which?.LabelSelector)
            .With("fieldSelector", which?.FieldSelector);
        return SendAsync(new ApiRequest(HttpMethod.Delete, path.ToString()) { Body = ToBody(options) }, cancellation);
    }

    /// <summary>Posts to a subresource with a kind of its own: binding, eviction, token.</summary>
    /// <returns>The answer as it came.</returns>
    public Task<ReadOnlyMemory<byte>> CreateSubresourceAsync(
        ResourceDescription resource, string ns, string name, string subresource, IKubernetesObject body,
        WriteOptions? options = null, CancellationToken cancellation = default)
    {
        var path = WritePath(resource, ns, name, subresource, options ?? WriteOptions.Default);
        return SendAsync(
            new ApiRequest(HttpMethod.Post, path.ToString()) { Body = KubernetesJson.Serialize(body) }, cancellation);
    }

    private async Task<IKubernetesObject> SendObjectAsync(
        HttpMethod method, IKubernetesObject target, string ns, string? name, string? subresource, WriteOptions? options,
        CancellationToken cancellation)
    {
        var resource = ResourceOf(target.GroupVersionKind);
        var path = WritePath(resource, ns, name, subresource, options ?? WriteOptions.Default);
        var request = new ApiRequest(method, path.ToString()) { Body = KubernetesJson.Serialize(target) };
        return KubernetesJson.Deserialize(target.GroupVersionKind, (await SendAsync(request, cancellation)).Span);
    }

    private RequestPath WritePath(
        ResourceDescription resource, string ns, string? name, string? subresource, WriteOptions options) =>
        new RequestPath(resource, ns, name, subresource)
            .With("dryRun", options.IsDryRun ? "All" : null)
            .With("fieldManager", options.FieldManager ?? _options.FieldManager)
            .With("fieldValidation", options.FieldValidation);

    private static ReadOnlyMemory<byte>? ToBody(Deletion? options)
    {
        if (options is null || options == Deletion.Default)
            return null;
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("kind"u8, "DeleteOptions"u8);
            json.WriteString("apiVersion"u8, "v1"u8);
            if (options.GracePeriodSeconds is { } grace)
                json.WriteNumber("gracePeriodSeconds"u8, grace);
            if (options.PropagationPolicy is { } policy)
                json.WriteString("propagationPolicy"u8, policy);
            if (options.Uid is not null || options.ResourceVersion is not null)
                WritePreconditions(json, options);
            if (options.IsDryRun)
            {
                json.WriteStartArray("dryRun"u8);
                json.WriteStringValue("All"u8);
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }

    private static void WritePreconditions(Utf8JsonWriter json, Deletion options)
    {
        json.WriteStartObject("preconditions"u8);
        if (options.Uid is { } uid)
            json.WriteString("uid"u8, uid);
        if (options.ResourceVersion is { } version)
            json.WriteString("resourceVersion"u8, version);
        json.WriteEndObject();
    }
}
