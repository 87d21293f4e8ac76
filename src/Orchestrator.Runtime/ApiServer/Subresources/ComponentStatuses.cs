using System.Text.Json.Nodes;
using KvStore.Client;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Http;
using Orchestrator.Runtime.ApiServer.Reading;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.ApiServer.Storage;

namespace Orchestrator.Runtime.ApiServer.Subresources;

/// <summary>componentstatuses: the store is what this server depends on.</summary>
internal static class ComponentStatuses
{
    private const string StoreName = "etcd-0";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    public static async Task ServeAsync(ApiRequest request, ObjectStore store)
    {
        WarningHeader.Add(request.Http.Response, "v1 ComponentStatus is deprecated in v1.19+");
        if (request.Name.Length > 0 && request.Name != StoreName)
            throw ApiErrors.NotFound(request.View.GroupResource, request.Name);
        var form = MediaTypes.Negotiate(request.Http.Request, allowsTransforms: true);
        var status = await StatusAsync(store, request.Aborted).ConfigureAwait(false);
        if (form.IsTable)
        {
            byte[] json = JsonBytes.Of(status);
            byte[] row = request.View.Row(
                KubernetesJson.Deserialize(request.View.Kind, json), form.Form == ObjectForm.TableWithoutObject ? null : json, default);
            await Answers.WriteJsonAsync(request.Http, 200, ListAnswer.Table(request.View, row, "", form.MetaVersion, withColumns: true))
                .ConfigureAwait(false);
            return;
        }

        var answer = request.Name.Length > 0
            ? status
            : new JsonObject
            {
                ["kind"] = "ComponentStatusList", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(),
                ["items"] = new JsonArray(status),
            };
        await Answers.WriteJsonAsync(request.Http, 200, JsonBytes.Of(answer)).ConfigureAwait(false);
    }

    private static async Task<JsonObject> StatusAsync(ObjectStore store, CancellationToken cancellationToken)
    {
        string error = "";
        try
        {
            await store.Client.Kv.RangeAsync(
                (KeyRange)"compact_rev_key", options: new RequestOptions { Timeout = Limit }, cancellationToken: cancellationToken)
                .ConfigureAwait(false);
        }
        catch (EtcdException exception)
        {
            error = exception.Message;
        }

        return new JsonObject
        {
            ["kind"] = "ComponentStatus",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject { ["name"] = StoreName },
            ["conditions"] = new JsonArray(new JsonObject
            {
                ["type"] = "Healthy", ["status"] = error.Length == 0 ? "True" : "False",
                ["message"] = error.Length == 0 ? "ok" : error,
            }),
        };
    }
}
