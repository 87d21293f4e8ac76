using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>The token of the client's user: fetched when first needed, again when a server has refused it.</summary>
/// <remarks>A token holds on every member: etcd replicates simple ones, and signed ones carry their proof.</remarks>
internal sealed class Credentials(ClientOptions options, EndpointSet endpoints)
{
    private readonly Lock _gate = new();
    private Task<string?>? _token;

    /// <summary>There is a user to sign in.</summary>
    public bool Exist => options.UserName is not null;

    /// <returns>Null where the cluster knows no users, or the client has none.</returns>
    /// <exception cref="EtcdException">The user is refused, or no endpoint answers.</exception>
    public ValueTask<string?> TokenAsync(CancellationToken cancellationToken)
    {
        if (!Exist)
            return default;
        Task<string?> token;
        lock (_gate)
        {
            // A failure holds for those who waited for it; the next one tries again.
            if (_token is null or { IsFaulted: true } or { IsCanceled: true })
                _token = AuthenticateAsync();
            token = _token;
        }

        return new ValueTask<string?>(token.IsCompletedSuccessfully ? token : token.WaitAsync(cancellationToken));
    }

    /// <summary>The server does not take this token any more; whoever says so later about the same one changes nothing.</summary>
    public void Refused(string? token)
    {
        lock (_gate)
        {
            if (_token is { IsCompletedSuccessfully: true } && _token.Result == token)
                _token = null;
        }
    }

    // Repeating it is harmless: it makes one more token.
    private async Task<string?> AuthenticateAsync()
    {
        using var limit = new CancellationTokenSource(options.CallTimeout, options.TimeProvider);
        var deadline = options.TimeProvider.GetUtcNow().UtcDateTime + options.CallTimeout;
        var request = new AuthenticateRequest { Name = options.UserName, Password = options.Password };
        int failures = 0;
        while (true)
        {
            using var use = await PickAsync(limit.Token).ConfigureAwait(false);
            try
            {
                using var call = use.Endpoint.Invoker.AsyncUnaryCall(
                    Api.Authenticate, null, new CallOptions(null, deadline, use.Endpoint.CutToken), request);
                var response = await call.ConfigureAwait(false);
                use.Answered();
                return response.Token;
            }
            catch (RpcException exception) when (exception.Status.Detail == EtcdErrors.AuthNotEnabled)
            {
                return null;
            }
            catch (RpcException exception)
            {
                if (limit.IsCancellationRequested || !IsWorthAnotherTry(exception, use))
                    throw Failure.ToException(exception, use.Endpoint.Address);
                await BackOff.PauseAsync(++failures, options, limit.Token).ConfigureAwait(false);
            }
        }
    }

    private bool IsWorthAnotherTry(RpcException exception, EndpointUse use)
    {
        var kind = use.Endpoint.CutToken.IsCancellationRequested
            ? FailureKind.Lost
            : Failure.KindOf(exception.Status, hasCredentials: false);
        if (kind == FailureKind.Unavailable)
            endpoints.Avoid(use.Endpoint);
        else if (kind is FailureKind.NeverSent or FailureKind.Lost or FailureKind.WrongMember)
            use.Failed(exception);
        return kind is FailureKind.NeverSent or FailureKind.Lost or FailureKind.WrongMember or FailureKind.Unavailable;
    }

    private async ValueTask<EndpointUse> PickAsync(CancellationToken limit)
    {
        try
        {
            return await endpoints.PickAsync(owesAnswer: true, limit).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw endpoints.NoneIsReady(StatusCode.Unavailable, Api.Authenticate.FullName);
        }
    }
}
