//! A method for each endpoint.

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
/// See the crate's documentation for an example.
#[derive(Clone)]
pub struct Client {
    connection: Connection,
}

impl Client {
    /// A client that calls over `transport`, in the current dialect.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Connection::new(transport).into()
    }

    /// The same in the legacy dialect.
    #[must_use]
    pub fn legacy(self) -> Self {
        self.connection.with_dialect(Dialect::Legacy).into()
    }

    /// The connection it calls over, for calls by an endpoint's name.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Opens an api-user's registration by its token. `accepted` in the answer says whether the token is good.
    pub async fn register(&self, token: impl Into<String>) -> Result<Registration, Error> {
        let token = token.into();
        self.send(&Register { token }).await
    }

    /// Gives the link that takes an api-user into a room, and creates the api-user if there is none. The link
    /// leads to a registration as long as the person has not registered.
    pub async fn authenticate(
        &self,
        ext_user_id: impl Into<String>,
        room_code: impl Into<String>,
    ) -> Result<Link, Error> {
        let request = Authenticate { ext_user_id: ext_user_id.into(), room_code: room_code.into() };
        self.send(&request).await
    }

    /// Puts a user on a seat of your dashboard.
    ///
    /// Who has a seat already is refused with [`AlreadySeated`](crate::Refusal::AlreadySeated), which
    /// [`Error::is_already`] knows as no trouble. After [`NoSeatsLeft`](crate::Refusal::NoSeatsLeft) no other
    /// can be seated.
    pub async fn add_seat(&self, email: impl Into<String>) -> Result<Seat, Error> {
        let email = email.into();
        self.send(&AddSeat { email }).await
    }

    /// Takes a user off a seat of your dashboard.
    pub async fn remove_seat(&self, email: impl Into<String>) -> Result<Seat, Error> {
        let email = email.into();
        self.send(&RemoveSeat { email }).await
    }

    /// Shows what your users scored in a room.
    pub async fn scoreboard(&self, room_code: impl Into<String>) -> Result<Vec<Standing>, Error> {
        let room_code = room_code.into();
        self.send(&ShowScoreboard { room_code }).await
    }

    /// Lists the users on your seats, and the api-users who have registered.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        Ok(self.send(&ListUsers {}).await?.users)
    }

    /// Takes an api-user out of a room.
    pub async fn leave_room(
        &self,
        ext_user_id: impl Into<String>,
        room_code: impl Into<String>,
    ) -> Result<(), Error> {
        let request = LeaveRoom { ext_user_id: ext_user_id.into(), room_code: room_code.into() };
        self.send(&request).await.map(drop)
    }

    /// Lists the public rooms, and your own private ones.
    pub async fn rooms(&self) -> Result<Vec<Room>, Error> {
        Ok(self.send(&ListRooms {}).await?.room_info)
    }

    /// Tells whether there is a room with this code, public or your own.
    pub async fn room_exists(&self, room_code: impl Into<String>) -> Result<bool, Error> {
        let room_code = room_code.into();
        Ok(self.send(&CheckRoom { room_code }).await?.room_exists)
    }

    /// Lists a room's questions, task by task, together with their answers.
    pub async fn questions(&self, room_code: impl Into<String>) -> Result<Vec<Task>, Error> {
        let room_code = room_code.into();
        Ok(self.send(&ListQuestions { room_code }).await?.questions)
    }

    /// Reports how long users were at work in rooms between two points in time.
    pub async fn time_report(&self, request: &ReportTime) -> Result<TimeReport, Error> {
        self.send(request).await
    }

    /// Sends a request of `drillmaster_models::thm` and gives its whole answer, fields that are not declared
    /// among it.
    pub async fn send<E: Endpoint>(&self, request: &E) -> Result<E::Response, Error> {
        Ok(self.connection.send(request).await?)
    }
}

impl From<Connection> for Client {
    /// A client over a connection that is set up, with its dialect and scope.
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
