using System.Text.Json;
using KvStore.Server.Configuration;
using KvStore.Server.Http;
using Microsoft.AspNetCore.Http;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Hosting;

/// <summary>What the peer port answers to plain HTTP: who the members are, and the version.</summary>
internal sealed class PeerHttp(Member member)
{
    public Task HandleAsync(HttpContext context) => context.Request.Path.Value switch
    {
        "/members" => WriteMembersAsync(context),
        "/version" => HttpAnswer.WriteJsonAsync(context, 200, json =>
        {
            json.WriteString("etcdserver", ServerVersion.Etcd);
            json.WriteString("etcdcluster", ServerVersion.Cluster);
            json.WriteString("storage", ServerVersion.Storage);
        }),
        _ => HttpAnswer.WriteErrorAsync(context, 404, "404 page not found"),
    };

    private async Task WriteMembersAsync(HttpContext context)
    {
        var members = member.State.Members.Members.Select(known => new
        {
            id = known.ID,
            peerURLs = known.PeerURLs,
            name = known.Name,
            clientURLs = known.ClientURLs,
        });
        context.Response.Headers["X-Etcd-Cluster-ID"] = member.Options.ClusterId.ToString("x");
        await HttpAnswer.WriteAsync(context, 200, "application/json", JsonSerializer.SerializeToUtf8Bytes(members));
    }
}
