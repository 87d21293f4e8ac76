using Google.Protobuf;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using KvStore.Server.Cluster;
using KvStore.Server.Configuration;
using KvStore.Server.Http;
using KvStore.Server.Services;
using Microsoft.AspNetCore.Http;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Peers.Calls;

/// <summary>Serves other members' single requests, and the version; see <see cref="PeerCalls"/>.</summary>
internal sealed class PeerCallHandler(Member member, LeaseClockService leases, MembershipRules rules, Func<string> clusterVersion)
{
    private const int RequestLimitBytes = 64 << 10;

    public Task HandleAsync(HttpContext context) => (context.Request.Method, context.Request.Path.Value) switch
    {
        ("GET" or "HEAD", "/members") => WriteMembersAsync(context),
        ("GET" or "HEAD", "/version") => HttpAnswer.WriteJsonAsync(context, 200, json =>
        {
            json.WriteString("etcdserver", ServerVersion.Etcd);
            json.WriteString("etcdcluster", clusterVersion());
            json.WriteString("storage", ServerVersion.Storage);
        }),
        ("POST", "/leases") => AnswerAsync(context, LeaseKeepAliveRequest.Parser, async (request, _) =>
            new LeaseKeepAliveResponse { ID = request.ID, TTL = await leases.RenewHereAsync(request.ID) }),
        ("POST", "/leases/internal") => AnswerAsync(context, LeaseTimeToLiveRequest.Parser, (request, _) =>
            leases.TimeToLiveHereAsync(request)),
        ("POST", "/members/promote") => AnswerAsync(context, MemberPromoteRequest.Parser, async (request, cancellation) =>
        {
            var response = new MemberPromoteResponse();
            response.Members.Add(await rules.PromoteHereAsync(request.ID));
            return response;
        }),
        _ => HttpAnswer.WriteErrorAsync(context, 404, "404 page not found"),
    };

    private static async Task AnswerAsync<TRequest, TResponse>(
        HttpContext context, MessageParser<TRequest> parser, Func<TRequest, CancellationToken, Task<TResponse>> answer)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage
    {
        try
        {
            var request = parser.ParseFrom(await ReadBodyAsync(context));
            var response = await answer(request, context.RequestAborted);
            await HttpAnswer.WriteAsync(context, 200, "application/protobuf", response.ToByteArray());
        }
        catch (EtcdException refusal)
        {
            await HttpAnswer.WriteErrorAsync(context, 503, refusal.Error.Text);
        }
        catch (InvalidProtocolBufferException fault)
        {
            await HttpAnswer.WriteErrorAsync(context, 400, "error unmarshalling request: " + fault.Message);
        }
        catch (InvalidDataException fault)
        {
            await HttpAnswer.WriteErrorAsync(context, 413, fault.Message);
        }
    }

    private static async Task<byte[]> ReadBodyAsync(HttpContext context)
    {
        byte[] body = new byte[RequestLimitBytes + 1];
        int length = await context.Request.Body.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, context.RequestAborted);
        return length <= RequestLimitBytes ? body[..length] : throw new InvalidDataException("the request is too large");
    }

    private Task WriteMembersAsync(HttpContext context)
    {
        context.Response.Headers[PeerProtocol.ClusterId] = new ClusterId(member.Options.ClusterId).ToString();
        return HttpAnswer.WriteAsync(context, 200, "application/json", MembersJson.Write(member.State.Members.Members));
    }
}
