//! The client, with a method for each endpoint.

use drillmaster_models::thm::{
    AddSeat, Authenticate, CheckRoom, LeaveRoom, Link, ListQuestions, ListRooms, ListUsers,
    Register, Registration, RemoveSeat, ReportTime, Room, Seat, ShowScoreboard, Standing, Task,
    TimeReport, User,
};
use drillmaster_models::{Dialect, Endpoint};
use drillmaster_transport::{Connection, Transport};

use crate::error::Error;

/// Calls TryHackMe. Cloning is cheap, and clones may be used at the same time.
///
/// ```
/// use drillmaster_sandbox::Sandbox;
/// use drillmaster_thm::Client;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), drillmaster_thm::Error> {
/// let client = Client::new(Sandbox::default());
/// for standing in client.scoreboard("linux1").await? {
///     println!("{standing:?}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    connection: Connection,
}

impl Client {
    /// Creates a client that calls over `transport`, in the current dialect.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Connection::new(transport).into()
    }

    /// Switches to the legacy dialect.
    #[must_use]
    pub fn legacy(self) -> Self {
        self.connection.with_dialect(Dialect::Legacy).into()
    }

    /// The connection that the client calls over, which can also call endpoints by name.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Sends a request and returns the whole answer, including fields that are not declared.
    pub async fn send<E: Endpoint>(&self, request: &E) -> Result<E::Response, Error> {
        Ok(self.connection.send(request).await?)
    }

    /// Opens an api-user's registration by its token. `accepted` in the answer says whether the token is valid.
    pub async fn register(&self, token: impl Into<String>) -> Result<Registration, Error> {
        let token = token.into();
        self.send(&Register { token }).await
    }

    /// Returns the link that takes an api-user into a room, and creates the api-user if there is none. Until the
    /// person has registered, the link leads to the registration.
    ///
    /// ```
    /// # use drillmaster_sandbox::Sandbox;
    /// # use drillmaster_thm::{Authenticate, Client};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), drillmaster_thm::Error> {
    /// # let client = Client::new(Sandbox::default());
    /// let link = client
    ///     .authenticate(&Authenticate {
    ///         ext_user_id: "employee-7".to_owned(),
    ///         room_code: "linux1".to_owned(),
    ///     })
    ///     .await?;
    /// assert!(link.url.starts_with("https://"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn authenticate(&self, request: &Authenticate) -> Result<Link, Error> {
        self.send(request).await
    }

    /// Gives a user a seat of your dashboard.
    ///
    /// The error for someone who has a seat already is [`AlreadySeated`](crate::Refusal::AlreadySeated), for which
    /// [`Error::is_already`] is true. After [`NoSeatsLeft`](crate::Refusal::NoSeatsLeft) nobody else can get a seat.
    pub async fn add_seat(&self, email: impl Into<String>) -> Result<Seat, Error> {
        let email = email.into();
        self.send(&AddSeat { email }).await
    }

    /// Takes a seat of your dashboard away from a user.
    pub async fn remove_seat(&self, email: impl Into<String>) -> Result<Seat, Error> {
        let email = email.into();
        self.send(&RemoveSeat { email }).await
    }

    /// Shows the scores of your users in a room.
    pub async fn scoreboard(&self, room_code: impl Into<String>) -> Result<Vec<Standing>, Error> {
        let room_code = room_code.into();
        self.send(&ShowScoreboard { room_code }).await
    }

    /// Lists the users on your seats, and the api-users who have registered.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        Ok(self.send(&ListUsers {}).await?.users)
    }

    /// Removes an api-user from a room.
    pub async fn leave_room(&self, request: &LeaveRoom) -> Result<(), Error> {
        self.send(request).await.map(drop)
    }

    /// Lists the public rooms, and your own private ones.
    pub async fn rooms(&self) -> Result<Vec<Room>, Error> {
        Ok(self.send(&ListRooms {}).await?.room_info)
    }

    /// Returns whether there is a room with this code, public or your own.
    pub async fn room_exists(&self, room_code: impl Into<String>) -> Result<bool, Error> {
        let room_code = room_code.into();
        Ok(self.send(&CheckRoom { room_code }).await?.room_exists)
    }

    /// Lists a room's questions with their answers, grouped by task.
    pub async fn questions(&self, room_code: impl Into<String>) -> Result<Vec<Task>, Error> {
        let room_code = room_code.into();
        Ok(self.send(&ListQuestions { room_code }).await?.questions)
    }

    /// Reports how long users worked in rooms between two points in time.
    pub async fn time_report(&self, request: &ReportTime) -> Result<TimeReport, Error> {
        self.send(request).await
    }
}

impl From<Connection> for Client {
    /// Calls over a connection, with its dialect and its scope.
    fn from(connection: Connection) -> Self {
        Self { connection }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("dialect", &self.connection.dialect())
            .finish_non_exhaustive()
    }
}
